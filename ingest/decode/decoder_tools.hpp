#pragma once

#include "ingest/record/cdr.hpp"
#include "ingest/record/record_batch.hpp"

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string_view>

namespace tally::ingest {

/// Maximum lengths of fields in bytes. Longer values are rejected, never truncated.
inline constexpr std::size_t number_bytes_max = 256;
inline constexpr std::size_t text_bytes_max = 1024;

/// 68 years in milliseconds, so that seconds fit the column. Rating decides what is too long to
/// bill.
inline constexpr std::int64_t duration_ms_max = std::int64_t{INT32_MAX} * 1000;

/// Decoders do not throw: an input that does not fit into memory is rejected as a whole.
inline constexpr std::string_view no_memory_detail =
    "too large for memory, or almost nothing in it is a record";

/// Rejected records listed for one input: more than a piece of a file can hold. An input with more
/// of them is not a list of records, and listing them would take many times its own size.
inline constexpr std::size_t rejected_max = 600'000;

/// A fault of a record: its reason, its field, and a text for people (static storage).
struct record_fault {
    record_error error = record_error::none;
    std::string_view field;
    std::string_view detail;

    [[nodiscard]] explicit operator bool() const noexcept { return error != record_error::none; }
};

/// Numbers the records of a batch as they are found, and adds them to it.
class record_collector {
  public:
    explicit record_collector(record_batch& batch) noexcept : batch_(batch) {}

    void accept(cdr const& call) {
        batch_.cdrs.push_back(call);
        batch_.cdr_index.push_back(next_index_++);
    }
    void accept(event const& event) {
        batch_.events.push_back(event);
        batch_.event_index.push_back(next_index_++);
    }
    /// A record that is accepted although it cannot be read yet: it waits in suspense.
    void suspend(record_fault const& fault, std::string_view raw) {
        reject(fault, raw);
        batch_.rejected.back().suspended = true;
    }
    /// Throws std::length_error over rejected_max; the decoder then rejects the whole input.
    void reject(record_fault const& fault, std::string_view raw) {
        if (batch_.rejected.size() >= rejected_max) {
            throw std::length_error("rejected records");
        }
        batch_.rejected.push_back(
            {next_index_++, fault.error, fault.field, fault.detail, raw, false});
    }
    void skip() noexcept {
        ++batch_.skipped;
        ++next_index_;
    }
    /// A position in the batch, to roll back to if what follows turns out not to be records.
    struct mark {
        std::size_t cdrs;
        std::size_t events;
        std::size_t rejected;
        std::uint32_t skipped;
        std::uint32_t next_index;
    };
    [[nodiscard]] mark position() const noexcept {
        return {batch_.cdrs.size(), batch_.events.size(), batch_.rejected.size(), batch_.skipped,
                next_index_};
    }
    void roll_back(mark const& bookmark) noexcept;
    /// Removes all records: the input as a whole cannot be read.
    void reject_body(record_error error, std::string_view detail) noexcept;
    [[nodiscard]] record_batch& batch() noexcept { return batch_; }

  private:
    record_batch& batch_;
    std::uint32_t next_index_ = 0;
};

} // namespace tally::ingest
