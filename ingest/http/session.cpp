#include "ingest/http/session.hpp"

#include "ingest/http/problem.hpp"
#include "ingest/text/ascii.hpp"

#include <exception>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/http/read.hpp>

namespace tally::ingest {

namespace asio = boost::asio;
namespace http = boost::beast::http;

namespace {

/// An unread body up to this size is skipped to keep the connection; after a larger one the
/// connection closes.
constexpr std::uint64_t discard_bytes_max = 64 * 1024;

/// Calls the handler. Its exceptions become a 500 response and affect this request only.
template <typename Function>
std::optional<http_response> failure_of(Function&& function) noexcept {
    try {
        function();
        return std::nullopt;
    } catch (std::exception const& error) {
        return problem(500, error.what());
    } catch (...) {
        return problem(500, "unknown failure");
    }
}

} // namespace

http_session::http_session(socket accepted, http_session_context context)
    : context_(context), transfer_(std::move(accepted), context),
      reply_timer_(transfer_.executor()) {}

void http_session::start(std::function<void()> ended) {
    asio::co_spawn(
        transfer_.executor(), [self = shared_from_this()] { return self->run(); },
        [self = shared_from_this(), ended = std::move(ended)](std::exception_ptr const& failure) {
            if (failure) {
                self->context_.observer.warning("a connection ended with an exception");
            }
            self->transfer_.close();
            ended();
        });
}

/// Serves one request after the other until the connection may not be kept.
http_session::task<void> http_session::run() {
    next_step next = next_step::next_request;
    while (next == next_step::next_request) {
        if (!co_await wait_for_request()) {
            co_return;
        }
        next = co_await serve_request();
    }

    // Lingering comes after the loop, since no further request is served after it.
    if (next == next_step::linger_and_close) {
        co_await transfer_.linger();
    }
}

/// Waits for the first bytes of a request. False: the connection ends, which is no error here.
http_session::task<bool> http_session::wait_for_request() {
    if (draining_ || aborted_) {
        co_return false;
    }
    co_return co_await transfer_.wait_for_bytes();
}

/// Reads a head and lets the handler decide: respond at once, or read the body.
http_session::task<http_session::next_step> http_session::serve_request() {
    ++request_;
    if (auto const error = co_await transfer_.read_head()) {
        co_return co_await reject_unreadable(error);
    }

    // The framing decides where the next request begins, so it is checked before the handler.
    http_step step;
    if (auto obstacle = head_obstacle()) {
        // The framing is uncertain: the bytes after this head cannot be taken as a request.
        bool const written = co_await transfer_.write_response(std::move(*obstacle), false);
        co_return written ? next_step::linger_and_close : next_step::close;
    }

    // The handler responds from the head alone, or asks for the body.
    if (auto failure = failure_of([&] { step = begin_request(); })) {
        step = std::move(*failure);
    }
    if (auto* response = std::get_if<http_response>(&step)) {
        co_return co_await reject_unread(std::move(*response));
    }
    co_return co_await serve_exchange(std::get<std::unique_ptr<http_exchange>>(std::move(step)));
}

http_session::task<http_session::next_step>
http_session::serve_exchange(std::unique_ptr<http_exchange> exchange) {
    std::string body;
    http_response response;

    // Read the body, then wait for the handler's reply.
    auto const end = co_await transfer_.read_body(*exchange, body, response);
    if (end == http_transfer::body_end::complete) {
        response = co_await wait_for_response(*exchange, std::move(body));
    }
    // The exchange's credit is free for others while a slow client reads its response.
    exchange.reset();

    if (end == http_transfer::body_end::refused) {
        co_return co_await reject_unread(std::move(response));
    }
    if (end == http_transfer::body_end::lost) {
        co_return co_await reject_unreadable(transfer_.body_error());
    }
    if (aborted_) {
        co_return next_step::close;
    }

    bool const keep_alive = transfer_.request().keep_alive() && !draining_;
    if (!co_await transfer_.write_response(std::move(response), keep_alive)) {
        co_return next_step::close;
    }
    // A client that did not ask to close may have sent its next request already; closing at once
    // would reset the connection, and the response could be lost.
    co_return keep_alive               ? next_step::next_request
    : transfer_.request().keep_alive() ? next_step::linger_and_close
                                       : next_step::close;
}

/// Called when a request cannot be read: the deadline has passed (408), the head is too large (431)
/// or malformed (400), or the peer has closed the connection, which gets no response.
http_session::task<http_session::next_step>
http_session::reject_unreadable(boost::system::error_code error) {
    // The server or the client has ended the connection: there is no one to respond to.
    if (aborted_) {
        co_return next_step::close;
    }

    // The order matters: a deadline cancels the read, which then fails with an error of its own.
    http_response response;
    if (transfer_.timed_out()) {
        response = problem(408, "the request did not come in time");
    } else if (error == http::error::header_limit || error == http::error::buffer_overflow) {
        response = problem(431, "the request's head is too large");
    } else if (error.category() == make_error_code(http::error::bad_method).category() &&
               error != http::error::end_of_stream && error != http::error::partial_message) {
        response = problem(400, "this is not HTTP/1.1: " + error.message());
    } else {
        co_return next_step::close;
    }

    // After an unreadable head the next request's begin is unknown, so the connection cannot stay.
    bool const written = co_await transfer_.write_response(std::move(response), false);
    co_return written ? next_step::linger_and_close : next_step::close;
}

/// Sends a response to a request whose body has not been read. A small body is skipped afterwards,
/// so that the connection can stay. A client that waits for 100 may or may not send its body now,
/// so the meaning of the bytes that follow is unknown, and the connection closes (RFC 9110 section
/// 10.1.1).
http_session::task<http_session::next_step> http_session::reject_unread(http_response response) {
    auto const& head = transfer_.request().get();
    std::uint64_t const length = transfer_.request().content_length().value_or(0);
    bool const skippable = !transfer_.request().chunked() && length <= discard_bytes_max &&
                           head.find(http::field::expect) == head.end();
    bool const keep_alive = skippable && transfer_.request().keep_alive() && !draining_;
    if (!co_await transfer_.write_response(std::move(response), keep_alive)) {
        co_return next_step::close;
    }
    if (!keep_alive) {
        co_return next_step::linger_and_close;
    }
    bool const skipped = co_await transfer_.discard_body(length);
    co_return skipped ? next_step::next_request : next_step::close;
}

/// Hands the body over and waits for the reply, which comes from any thread.
http_session::task<http_response> http_session::wait_for_response(http_exchange& exchange,
                                                                  std::string body) {
    reply_.reset();
    transfer_.enter(stage::answering, context_.settings.answer_timeout);
    reply_timer_.expires_at(clock::time_point::max());

    // The reply may come before finish() returns; an exception after that must not replace it.
    auto const hand_over = [&] { exchange.finish(std::move(body), make_reply()); };
    if (auto failure = failure_of(hand_over); failure && !reply_) {
        reply_ = std::move(failure);
    }

    // The timer never expires; deliver(), time_out() and abort() cancel it.
    while (!reply_ && !transfer_.timed_out() && !aborted_) {
        co_await reply_timer_.async_wait(http_transfer::await_tuple_t{});
    }
    http_response response = reply_ ? std::move(*reply_) : exchange.timed_out();
    reply_.reset();
    ++request_; // a later reply has the old number and is ignored
    co_return response;
}

/// The reply does not keep the session alive: a lane may hold it longer than the connection and the
/// io_context live.
http_reply http_session::make_reply() {
    return [weak = weak_from_this(), request = request_](http_response response) {
        std::shared_ptr<http_session> const self = weak.lock();
        if (!self) {
            return;
        }
        strand const executor = self->transfer_.executor();
        asio::dispatch(executor, [self, request, response = std::move(response)]() mutable {
            self->deliver(request, std::move(response));
        });
    };
}

/// On the strand. Replies of an earlier request, and all but the first, are dropped.
void http_session::deliver(std::uint64_t request, http_response response) {
    if (request == request_ && transfer_.current() == stage::answering && !reply_) {
        reply_ = std::move(response);
        reply_timer_.cancel();
    }
}

/// On the server's strand: it reads only the atomic deadline, and posts the rest.
void http_session::sweep(clock::time_point now) {
    if (transfer_.is_overdue(now)) {
        asio::post(transfer_.executor(), [self = shared_from_this()] { self->time_out(); });
    }
}

/// Called by every sweep until the stage ends. So a cancel that falls between two steps of a
/// composed operation, and cancels nothing, does no harm.
void http_session::time_out() {
    if (!transfer_.is_overdue(clock::now())) {
        return;
    }
    transfer_.time_out();
    if (transfer_.current() == stage::answering) {
        reply_timer_.cancel();
    }
}

void http_session::drain() {
    asio::post(transfer_.executor(), [self = shared_from_this()] {
        // A request that has begun is served to its end; only an idle connection closes now.
        self->draining_ = true;
        if (self->transfer_.current() == stage::idle) {
            self->transfer_.close();
        }
    });
}

void http_session::abort() {
    asio::post(transfer_.executor(), [self = shared_from_this()] {
        self->aborted_ = true;
        self->reply_timer_.cancel();
        self->transfer_.close();
    });
}

/// Calls the handler with views of the head.
http_step http_session::begin_request() {
    auto const& message = transfer_.request().get();

    // All views point into the parser's message: valid until the next request.
    fields_.clear();
    for (auto const& field : message) {
        fields_.push_back({field.name_string(), field.value()});
    }

    http_target const target = split_target(message.target());
    http_head head;
    head.method = message.method_string();
    head.path = target.path;
    head.query = target.query;
    head.fields = fields_;
    if (auto const length = transfer_.request().content_length()) {
        head.content_length = *length;
    }
    head.from_loopback = transfer_.peer_is_loopback();
    return context_.handler.begin(head);
}

/// The reason why a well-formed head cannot be served, or nullopt.
std::optional<http_response> http_session::head_obstacle() const {
    auto const& message = transfer_.request().get();
    if (message.version() == 11 && message.count(http::field::host) != 1) {
        return problem(400, "a request has one Host field (RFC 9112 section 3.2)");
    }

    // A proxy in front could read another framing than we do (request smuggling), so everything but
    // plain chunked is refused.
    if (message.find(http::field::transfer_encoding) != message.end()) {
        if (message.version() == 10) {
            return problem(400, "HTTP/1.0 has no Transfer-Encoding");
        }
        if (!equal_ignoring_case(message[http::field::transfer_encoding], "chunked")) {
            return problem(501, "the only Transfer-Encoding is chunked");
        }
    }

    // RFC 9110 section 10.1.1: an expectation that is not understood is refused.
    auto const expect = message.find(http::field::expect);
    if (expect != message.end() && !equal_ignoring_case(expect->value(), "100-continue")) {
        return problem(417, "the only expectation that is met is 100-continue");
    }
    return std::nullopt;
}

} // namespace tally::ingest
