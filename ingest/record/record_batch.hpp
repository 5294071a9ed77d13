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

/// A record that its decoder could not read.
struct rejected_record {
    std::uint32_t index = 0; ///< 0-based index among the records of the input
    record_error error = record_error::none;
    std::string_view field;  ///< the field at fault, or empty
    std::string_view detail; ///< what is wrong, for the sender or the operator
    std::string_view raw;    ///< the record's own bytes
    /// Accepted nevertheless, and waits in suspense: an event of an unknown type, or a record of a
    /// push that was acknowledged when it could still be read.
    bool suspended = false;

    friend bool operator==(rejected_record const&, rejected_record const&) = default;
};

/// The records of one input (a push's body, a piece of a file) and the memory that their text is
/// in.
///
///     body      owns the input; records' views point into it or into `text`
///     cdrs      the valid calls, in order of arrival; cdr_index[i] is the index of cdrs[i] among
///               the records of the input
///     events    the valid events, in the same way; a format gives calls or events, never both
///     rejected  the records that could not be read
///     skipped   number of records that the source's settings leave out (b-legs)
///
/// received() = cdrs + events + rejected + skipped. Filled by a decoder on one thread, then read by
/// several.
///
///     record_batch batch;
///     batch.set_body(std::move(bytes)); // adds the padding
///     decode(context, batch);           // a decode_fn (format.hpp)
///     if (batch.body_error != record_error::none) {
///         batch.reject_body(batch.body_error, batch.body_detail); // one rejected record
///     }
///     for (std::size_t i = 0; i < batch.cdrs.size(); ++i) {
///         store(batch.cdrs[i], batch.cdr_index[i]);
///     }
struct record_batch {
    /// The input, with at least `padding` readable bytes after its end (required by simdjson).
    std::string body;
    text_arena text;
    std::vector<cdr> cdrs;
    std::vector<std::uint32_t> cdr_index;
    std::vector<event> events;
    std::vector<std::uint32_t> event_index;
    std::vector<rejected_record> rejected;
    bool has_normal_numbers = false; ///< its source's number rules have been applied
    std::uint32_t skipped = 0;
    /// Set instead of records when the input as a whole cannot be read (for example, not JSON).
    record_error body_error = record_error::none;
    std::string_view body_detail;

    static constexpr std::size_t padding = 64;

    [[nodiscard]] std::uint32_t received() const noexcept {
        return static_cast<std::uint32_t>(cdrs.size() + events.size() + rejected.size()) + skipped;
    }
    /// Takes ownership of the input's bytes and adds the padding.
    void set_body(std::string bytes) {
        bytes.reserve(bytes.size() + padding);
        body = std::move(bytes);
    }
    /// Replaces all records by one rejected record: the whole input. `detail` must live as long as
    /// the batch.
    void reject_body(record_error error, std::string_view detail);
    void clear() noexcept {
        body.clear();
        text.clear();
        cdrs.clear();
        cdr_index.clear();
        events.clear();
        event_index.clear();
        rejected.clear();
        skipped = 0;
        has_normal_numbers = false;
        body_error = record_error::none;
        body_detail = {};
    }
};

} // namespace tally::ingest
