#pragma once

#include "ingest/formats/formats.hpp"
#include "ingest/record/record_block.hpp"
#include "ingest/record/source.hpp"

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

namespace tally::ingest {

/// A payload of a version behind this binary's: only a newer one can read it.
class newer_push : public std::runtime_error {
  public:
    explicit newer_push(std::uint32_t version)
        : std::runtime_error{"a push of version " + std::to_string(version) +
                             " in the journal, written by a newer tallyd: run that one"} {}
};

using format_finder = format const* (*)(std::string_view name) noexcept;

/// What the journal keeps of a push: its expanded body, what reading it again takes, and which of
/// its records were taken. The source by id.
std::string encode_pushed(record_block const& block);

/// The block that encode_pushed was given, decoded again. What its sender was told holds
/// (docs/ARCHITECTURE.md, R11): a record that was taken is a call or an event again, or is rejected
/// and `suspended`; one that was not taken is rejected or skipped. Values (time zone, percent,
/// numbers) are read by the settings of its source as they are now; the source of pushes without a
/// token replaces one that is gone. A body that no longer comes apart into the same records is one
/// bad record to be suspended. `received` is when it came, however long ago. Throws newer_push.
std::unique_ptr<record_block> decode_pushed(std::string_view payload, source_table const& sources,
                                            time_us received, format_finder find = find_format);

} // namespace tally::ingest
