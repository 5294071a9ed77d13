#pragma once

#include "ingest/base/record_error.hpp"
#include "ingest/base/text_arena.hpp"
#include "ingest/record/cdr.hpp"
#include "ingest/record/event.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tally::ingest {

/// A record that no decoder could make a cdr or an event of.
struct rejected_record {
    std::uint32_t index = 0; ///< 0-based place among the records of the input
    record_error error = record_error::none;
    std::string_view field;  ///< the field at fault, or empty
    std::string_view detail; ///< what is wrong, for a person
    std::string_view raw;    ///< the record's own bytes
    /// Taken all the same, and waits in suspense: an event of a type nobody knows yet, or a record
    /// of a push that was acknowledged when it could be read.
    bool suspended = false;

    friend bool operator==(rejected_record const&, rejected_record const&) = default;
};

/// The records of one input (a push's body, a chunk of a file) and the memory their text is in.
///
///     body      owns the input; records' views point into it or into `text`
///     cdrs      the good ones, in order of arrival; cdr_index[i] is the place of cdrs[i] in the
///               input
///     events    likewise; a format gives the one or the other
///     rejected  the bad ones
///     skipped   taken note of and left out by the source's settings (b-legs)
///
/// received() = cdrs + events + rejected + skipped. Filled by a decoder on one thread, then read by
/// several.
struct record_batch {
    /// The input, with at least `padding` readable bytes behind its end (simdjson's contract).
    std::string body;
    text_arena text;
    std::vector<cdr> cdrs;
    std::vector<std::uint32_t> cdr_index;
    std::vector<event> events;
    std::vector<std::uint32_t> event_index;
    std::vector<rejected_record> rejected;
    std::uint32_t skipped = 0;
    /// Set instead of records when the input as a whole cannot be taken apart (not JSON at all).
    record_error whole_error = record_error::none;
    std::string_view whole_detail;

    static constexpr std::size_t padding = 64;

    [[nodiscard]] std::uint32_t received() const noexcept {
        return static_cast<std::uint32_t>(cdrs.size() + events.size() + rejected.size()) + skipped;
    }
    /// Takes the bytes of an input over and makes the padding.
    void set_body(std::string bytes) {
        bytes.reserve(bytes.size() + padding);
        body = std::move(bytes);
    }
    /// The whole input becomes one bad record. `detail` lives as long as the batch.
    void reject_whole(record_error error, std::string_view detail);
    void clear() noexcept {
        body.clear();
        text.clear();
        cdrs.clear();
        cdr_index.clear();
        events.clear();
        event_index.clear();
        rejected.clear();
        skipped = 0;
        whole_error = record_error::none;
        whole_detail = {};
    }
};

} // namespace tally::ingest
