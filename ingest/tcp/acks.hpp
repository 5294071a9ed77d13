#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

namespace tally::ingest {

/// What is sent to a connection, in order: the errors of its records, and how many of them are
/// durable. Groups of records become durable in any order, but an ack always covers the first N
/// records. No sockets. One thread.
///
///     begin(3 records) begin(2) begin(4)      done(2nd)   done(1st) -> {"ack":5}
class tcp_acks {
  public:
    /// Begins a group: the next `records` of the connection are on their way. `errors` are the
    /// lines to send before their ack. Returns the group's number, for done().
    std::uint64_t begin(std::uint32_t records, std::string errors, std::size_t bytes);
    /// Ends a group. Not durable: nothing after it is acknowledged either.
    void done(std::uint64_t number, bool durable);

    /// The text to send next, given once, with one ack for all that became durable. A further call
    /// means that the previous text has been sent.
    [[nodiscard]] std::string take();
    /// Bytes of errors that were not sent yet: of groups in flight, of finished groups, and of the
    /// text that take() gave last.
    [[nodiscard]] std::size_t unsaid_bytes() const noexcept { return unsaid_ + being_said_; }

    [[nodiscard]] std::uint64_t records() const noexcept { return records_; } ///< begun
    [[nodiscard]] std::size_t bytes_under_way() const noexcept { return bytes_; }
    [[nodiscard]] bool all_done() const noexcept { return groups_.empty(); }
    [[nodiscard]] bool failed() const noexcept { return failed_; }

  private:
    struct group {
        std::uint64_t end_record = 0;
        std::string errors;
        std::size_t bytes = 0;
        bool is_done = false;
    };
    std::deque<group> groups_;
    std::uint64_t first_group_ = 0; ///< number of groups_.front()
    std::uint64_t records_ = 0;
    std::uint64_t acknowledged_ = 0;
    std::uint64_t reported_ = 0;
    std::size_t bytes_ = 0;
    std::string errors_;         ///< of finished groups, not sent yet
    std::size_t unsaid_ = 0;     ///< bytes of errors_ and of all groups' errors
    std::size_t being_said_ = 0; ///< bytes that take() gave last
    bool failed_ = false;
};

} // namespace tally::ingest
