#pragma once

#include "ingest/record/cdr.hpp"
#include "ingest/record/record_batch.hpp"

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string_view>

namespace tally::ingest {

/// Lengths that the columns and the people behind them bear; nothing is cut, longer is refused.
inline constexpr std::size_t number_bytes_max = 256;
inline constexpr std::size_t text_bytes_max = 1024;

/// 68 years in milliseconds: seconds fit the column. What is too long to bill is rating's to say.
inline constexpr std::int64_t duration_ms_max = std::int64_t{INT32_MAX} * 1000;

/// Decoders throw nothing; what is left of an input that does not fit memory is refused as a whole.
inline constexpr std::string_view no_memory_detail =
    "too much for memory, or hardly anything in it is a record";

/// Bad records of one input that are told apart: more than a piece of a file can hold. Beyond it
/// the input is something else, and listing it would take many times its own size.
inline constexpr std::size_t rejected_max = 600'000;

/// What is wrong with a record, where, and in words (static storage).
struct record_fault {
    record_error error = record_error::none;
    std::string_view field;
    std::string_view detail;

    [[nodiscard]] explicit operator bool() const noexcept { return error != record_error::none; }
};

/// Numbers the records of a batch as they are found and puts them where they belong.
class record_collector {
  public:
    explicit record_collector(record_batch& batch) noexcept : batch_(batch) {}

    void accept(cdr const& call) {
        batch_.cdrs.push_back(call);
        batch_.cdr_index.push_back(next_index_++);
    }
    void accept(event const& what) {
        batch_.events.push_back(what);
        batch_.event_index.push_back(next_index_++);
    }
    /// A record that is taken, though it cannot be read yet: it waits in suspense.
    void suspend(record_fault const& fault, std::string_view raw) {
        reject(fault, raw);
        batch_.rejected.back().suspended = true;
    }
    /// Throws std::length_error over rejected_max; decoders refuse the whole input then.
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
    /// How far the batch is, to go back to when what follows turns out to be no records.
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
    void roll_back(mark const& to) noexcept;
    /// Takes all records back: the input as a whole cannot be read.
    void fail_whole(record_error error, std::string_view detail) noexcept;
    [[nodiscard]] record_batch& batch() noexcept { return batch_; }

  private:
    record_batch& batch_;
    std::uint32_t next_index_ = 0;
};

} // namespace tally::ingest
