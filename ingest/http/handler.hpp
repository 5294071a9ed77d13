#pragma once

#include "ingest/http/message.hpp"

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>

namespace tally::ingest {

/// Receives the response to a request. Any thread, at any time. The first call counts; later calls,
/// and calls for a connection that has gone, do nothing.
using http_reply = std::function<void(http_response)>;

/// One request whose body is to be read. Made by http_handler::begin, used by one thread at a time,
/// destroyed when the response is known or the client has gone; it then releases what it holds.
class http_exchange {
  public:
    http_exchange() = default;
    http_exchange(http_exchange const&) = delete;
    http_exchange& operator=(http_exchange const&) = delete;
    virtual ~http_exchange() = default;

    /// Called before `bytes` more of the body are read: once with the whole length if the client
    /// sent it, else piece by piece. A returned response means no: it is sent and the body stays
    /// unread.
    [[nodiscard]] virtual std::optional<http_response> admit(std::size_t bytes) = 0;

    /// The whole body has arrived. `reply` is called now or later.
    virtual void finish(std::string body, http_reply reply) = 0;

    /// The response if `reply` was not called in time.
    [[nodiscard]] virtual http_response timed_out() const = 0;
};

/// Either the response, if it does not need the body, or the exchange that reads the body.
using http_step = std::variant<http_response, std::unique_ptr<http_exchange>>;

/// The application of an HTTP server: protocol logic without sockets. Any thread, several at once.
class http_handler {
  public:
    http_handler() = default;
    http_handler(http_handler const&) = delete;
    http_handler& operator=(http_handler const&) = delete;
    virtual ~http_handler() = default;

    /// Called when a request's head has arrived, before any of its body is read.
    [[nodiscard]] virtual http_step begin(http_head const& head) = 0;
};

} // namespace tally::ingest
