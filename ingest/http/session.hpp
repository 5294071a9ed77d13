#pragma once

// Included by session.cpp and server.cpp only: Beast is heavy.

#include "ingest/http/handler.hpp"
#include "ingest/http/transfer.hpp"
#include "ingest/net/connection.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/basic_waitable_timer.hpp>

namespace tally::ingest {

/// One connection: a coroutine on its own strand, which ends when the connection does. Its failure
/// does not affect others. Other threads call only the overrides of `connection`, which post to the
/// strand, and the reply.
///
///     idle ─→ reading ─→ answering ─→ writing ─→ idle, closed, or lingering ─→ closed
///               └ response without body ──↑
class http_session final : public connection, public std::enable_shared_from_this<http_session> {
  public:
    http_session(socket accepted, http_session_context context);

    void start(std::function<void()> ended) override;
    void sweep(clock::time_point now) override;
    void drain() override; ///< no request after the current one
    void abort() override;

  private:
    template <typename Result>
    using task = http_transfer::task<Result>;
    using stage = http_transfer::stage;
    using timer = boost::asio::basic_waitable_timer<clock, boost::asio::wait_traits<clock>, strand>;

    enum class next_step : std::uint8_t { next_request, close, linger_and_close };

    task<void> run();
    task<bool> wait_for_request();
    task<next_step> serve_request();
    task<next_step> serve_exchange(std::unique_ptr<http_exchange> exchange);
    task<next_step> reject_unreadable(boost::system::error_code error);
    task<next_step> reject_unread(http_response response);
    task<http_response> wait_for_response(http_exchange& exchange, std::string body);

    [[nodiscard]] http_step begin_request();
    [[nodiscard]] std::optional<http_response> head_obstacle() const;
    http_reply make_reply();
    void deliver(std::uint64_t request, http_response response);
    void time_out();

    http_session_context context_;
    http_transfer transfer_;
    timer reply_timer_; ///< never expires: canceled to wake the coroutine
    std::vector<http_field> fields_;
    std::optional<http_response> reply_;
    std::uint64_t request_ = 0; ///< number of the current request: recognizes late replies
    bool draining_ = false;
    bool aborted_ = false;
};

} // namespace tally::ingest
