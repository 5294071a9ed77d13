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

/// A payload of a later version than this binary's: only a newer binary can read it.
class newer_push : public std::runtime_error {
  public:
    explicit newer_push(std::uint32_t version)
        : std::runtime_error{"a push of version " + std::to_string(version) +
                             " in the journal, written by a newer tallyd: run that one"} {}
};

using format_finder = format const* (*)(std::string_view name) noexcept;

/// Encodes a push for the journal: its expanded body, the context that decoding it again needs, and
/// which of its records were taken. The source is kept as its id.
std::string encode_pushed(record_block const& block);

/// Decodes the block that encode_pushed was given. The response to its sender still holds
/// (docs/ARCHITECTURE.md, R11): a record that was taken is a call or an event again, or is rejected
/// and `suspended`; a record that was not taken is rejected or skipped. Values (time zone, percent,
/// numbers) are read with the settings that its source had when the push came, and the payers are
/// those that were decided then: a record has the same key each time. If the source is gone, the
/// block belongs to the source of pushes without a token. A body that no longer splits into the
/// same records becomes one bad record that goes to suspense. `received` is when the push came,
/// however long ago. Throws newer_push.
std::unique_ptr<record_block> decode_pushed(std::string_view payload, source_table const& sources,
                                            time_us received, format_finder find = find_format);

} // namespace tally::ingest
