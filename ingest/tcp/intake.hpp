#pragma once

#include "ingest/record/push_observer.hpp"
#include "ingest/record/record_sink.hpp"
#include "ingest/tcp/acks.hpp"
#include "ingest/tcp/lines.hpp"

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tally::ingest {

/// The protocol of one connection of the TCP endpoint (TCP.md), without a socket: bytes in; blocks
/// to the sink and lines to send out. One thread at a time.
///
///     received() -> step() until it returns `more`, `wait` or `close` -> take() the text to send
///     on_done of a block, on any thread -> `stored` -> done() on the connection's own thread
class tcp_intake {
  public:
    using stored_call = std::function<void(std::uint64_t group, bool durable)>;

    tcp_intake(record_sink& sink, push_observer& observer, bool from_loopback);

    /// `stored` is called on any thread, once for each block that was handed over, even after the
    /// intake is gone. Must be set before the first step.
    void on_stored(stored_call stored) { stored_ = std::move(stored); }

    void received(std::string_view bytes) { lines_.append(bytes); }
    /// The peer has closed its sending side properly.
    void ended() { lines_.end(); }

    enum class step_result : std::uint8_t {
        again, ///< call again: there may be more to do
        more,  ///< needs more bytes
        wait,  ///< no room for records at the moment: call again a little later
        close, ///< send what take() gives, then close
    };
    [[nodiscard]] step_result step();

    void done(std::uint64_t group, bool durable);
    /// The text to send; a further call means that the previous text has been sent.
    [[nodiscard]] std::string take();

    /// So many bytes are in flight, or so many errors wait to be read by the peer, that reading has
    /// to pause.
    [[nodiscard]] bool is_full() const noexcept {
        return acks_.bytes_under_way() >= under_way_bytes_max ||
               acks_.unsaid_bytes() >= unsaid_bytes_max;
    }
    /// Bytes of errors that the peer has not received: at most unsaid_bytes_max plus what one block
    /// adds, as long as no step is made while it is full.
    [[nodiscard]] std::size_t unsaid_bytes() const noexcept { return acks_.unsaid_bytes(); }
    [[nodiscard]] bool all_done() const noexcept { return acks_.all_done(); }

    /// Limit of the errors of one connection. An error is many times longer than the record that
    /// caused it.
    static constexpr std::size_t unsaid_bytes_max = 512 * 1024;

  private:
    /// Bytes of one connection in flight: enough to keep a fast disk busy, and few enough for many
    /// connections.
    static constexpr std::size_t under_way_bytes_max = 4 * 1024 * 1024;
    /// Bytes of one block: as many records as an HTTP push usually has.
    static constexpr std::size_t block_bytes = 256 * 1024;
    /// Lines of one block: bounds the size of its errors if none of its lines is a record.
    static constexpr std::uint32_t block_lines = 4096;

    bool greet(std::string_view line);
    bool authorize(std::string_view token);
    step_result take_records();
    step_result take_piece(tcp_lines::piece const& piece);
    void take_too_long();
    bool push(std::string_view text, std::uint32_t lines, std::size_t credit_bytes);
    [[nodiscard]] std::string errors_of(record_batch const& batch) const;
    void refuse(std::string_view code, std::string_view detail);

    record_sink& sink_;
    push_observer& observer_;
    bool from_loopback_;
    stored_call stored_;
    tcp_lines lines_;
    tcp_acks acks_;
    std::shared_ptr<source const> source_; ///< nullptr: before the first line
    format const* in_format_ = nullptr;
    std::string held_; ///< lines that wait for room
    std::uint32_t held_lines_ = 0;
    std::string refusal_;
    bool stopped_ = false; ///< the sink accepts nothing any longer
};

} // namespace tally::ingest
