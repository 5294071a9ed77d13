#include "ingest/http/transfer.hpp"

#include "ingest/http/problem.hpp"
#include "ingest/record/record_batch.hpp"

#include <algorithm>
#include <array>
#include <ctime>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/serializer.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

namespace tally::ingest {

namespace asio = boost::asio;
namespace http = boost::beast::http;

namespace {

/// Size of the first read of a request: a usual head and a small record arrive together.
constexpr std::size_t first_read_bytes = 4096;
/// Room in the buffer beyond the head, for what follows it in the same packets.
constexpr std::size_t read_ahead_bytes = 64 * 1024;
/// A client has read_timeout for each piece of this size: with the default, at least 25 KiB/s.
constexpr std::size_t piece_bytes = 256 * 1024;
/// For a body of unknown length, credit is asked for, and the deadline moved, per piece of this
/// size.
constexpr std::size_t chunked_piece_bytes = 64 * 1024;
constexpr std::size_t discard_piece_bytes = 8 * 1024;
/// After a response that leaves a body unread, up to this much of it is discarded before the
/// connection closes. Closing at once would reset the connection, and the client could lose the
/// response.
constexpr std::size_t linger_bytes_max = 4 * 1024 * 1024;
constexpr std::chrono::milliseconds linger_time_max{2'000};

/// RFC 9110 section 5.6.7: "Sun, 06 Nov 1994 08:49:37 GMT". The names must not depend on the
/// locale.
std::string http_date(std::time_t now) {
    static constexpr std::array days{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static constexpr std::array months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    std::tm utc{};
    gmtime_r(&now, &utc);
    std::array<char, 64> text{};
    int const size = std::snprintf(text.data(), text.size(), "%s, %02d %s %04d %02d:%02d:%02d GMT",
                                   days[static_cast<std::size_t>(utc.tm_wday)], utc.tm_mday,
                                   months[static_cast<std::size_t>(utc.tm_mon)], utc.tm_year + 1900,
                                   utc.tm_hour, utc.tm_min, utc.tm_sec);
    return {text.data(), static_cast<std::size_t>(size)};
}

} // namespace

http_transfer::http_transfer(socket accepted, http_session_context const& context)
    : socket_(std::move(accepted)), context_(context),
      buffer_(context.settings.header_bytes_max + read_ahead_bytes) {
    // Asked now: once the peer has gone, its address is unknown.
    peer_is_loopback_ = has_loopback_peer(socket_);
    // One response is one write, so a delay (Nagle) would gain nothing.
    boost::system::error_code ignored;
    socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
}

http_transfer::task<bool> http_transfer::wait_for_bytes() {
    if (buffer_.size() != 0) {
        co_return true; // pipelined
    }

    // Only an idle connection may be closed by drain(), so this stage ends with the first byte.
    enter(stage::idle, context_.settings.idle_timeout);
    auto const [error, size] =
        co_await socket_.async_read_some(buffer_.prepare(first_read_bytes), await_tuple_t{});
    buffer_.commit(size);
    co_return !error;
}

http_transfer::task<boost::system::error_code> http_transfer::read_head() {
    parser_.emplace();
    parser_->header_limit(context_.settings.header_bytes_max);
    parser_->body_limit(boost::none); // the exchange has its own

    // One deadline for the whole head: a client that sends a byte now and then gains nothing.
    enter(stage::reading, context_.settings.read_timeout);
    auto const [error, size] =
        co_await http::async_read_header(socket_, buffer_, *parser_, await_tuple_t{});
    co_return error;
}

http_transfer::task<http_transfer::body_end>
http_transfer::read_body(http_exchange& exchange, std::string& body, http_response& refusal) {
    if (parser_->chunked()) {
        co_return co_await read_chunked_body(exchange, body, refusal);
    }

    // Credit first, then 100-continue: a body without room is not sent at all.
    std::uint64_t const length = parser_->content_length().value_or(0);
    if (auto no = exchange.admit(length)) {
        refusal = std::move(*no);
        co_return body_end::refused;
    }
    if (!co_await send_continue()) {
        co_return body_end::lost;
    }
    co_return co_await read_sized_body(length, body);
}

/// Reads directly into the body; only what arrived with the head is copied.
http_transfer::task<http_transfer::body_end> http_transfer::read_sized_body(std::uint64_t length,
                                                                            std::string& body) {
    // With the decoder's padding, so that the body moves into the batch without a copy.
    body.reserve(length + record_batch::padding);
    std::size_t done = std::min<std::size_t>(length, buffer_.size());
    body.assign(static_cast<char const*>(buffer_.data().data()), done);
    buffer_.consume(done);

    // The body grows with what arrives, so a client that only announces a large body costs no
    // memory.
    while (done < length) {
        std::size_t const piece = std::min<std::size_t>(length - done, piece_bytes);
        body.resize(done + piece);
        enter(stage::reading, context_.settings.read_timeout);
        auto const [error, size] = co_await asio::async_read(
            socket_, asio::buffer(body.data() + done, piece), await_tuple_t{});
        if (error) {
            body_error_ = error;
            co_return body_end::lost;
        }
        done += size;
    }
    co_return body_end::complete;
}

http_transfer::task<http_transfer::body_end>
http_transfer::read_chunked_body(http_exchange& exchange, std::string& body,
                                 http_response& refusal) {
    std::size_t done = 0;
    bool continued = false;
    while (!parser_->is_done()) {
        // Credit per piece, since the length is unknown: memory never exceeds what was admitted
        // (R12).
        if (done == body.size()) {
            if (auto no = exchange.admit(chunked_piece_bytes)) {
                refusal = std::move(*no);
                co_return body_end::refused;
            }
            body.resize(done + chunked_piece_bytes);
            enter(stage::reading, context_.settings.read_timeout);
        }
        // Once, and only after the first credit: a body without room is not sent at all.
        if (!std::exchange(continued, true) && !co_await send_continue()) {
            co_return body_end::lost;
        }

        // The parser writes the content of the chunks directly into the body.
        auto& target = parser_->get().body();
        target.data = body.data() + done;
        target.size = body.size() - done;
        auto const [error, size] =
            co_await http::async_read(socket_, buffer_, *parser_, await_tuple_t{});

        // need_buffer only says that the piece is full.
        done = body.size() - target.size;
        if (error && error != http::error::need_buffer) {
            body_error_ = error;
            co_return body_end::lost;
        }
    }
    body.resize(done);
    co_return body_end::complete;
}

/// Sends 100 Continue to a client that waits for it before it sends its body; libcurl would wait
/// for a second.
http_transfer::task<bool> http_transfer::send_continue() {
    auto const& head = parser_->get();
    if (head.version() != 11 || head.find(http::field::expect) == head.end()) {
        co_return true;
    }
    static constexpr std::string_view interim = "HTTP/1.1 100 Continue\r\n\r\n";
    auto const [error, size] = co_await asio::async_write(
        socket_, asio::buffer(interim.data(), interim.size()), await_tuple_t{});
    co_return !error;
}

http_transfer::task<bool> http_transfer::discard_body(std::uint64_t bytes) {
    enter(stage::reading, context_.settings.read_timeout);
    for (;;) {
        std::size_t const here = std::min<std::size_t>(bytes, buffer_.size());
        buffer_.consume(here);
        bytes -= here;
        if (bytes == 0) {
            co_return true;
        }
        auto const room = buffer_.prepare(std::min<std::size_t>(bytes, discard_piece_bytes));
        auto const [error, size] = co_await socket_.async_read_some(room, await_tuple_t{});
        if (error) {
            co_return false;
        }
        buffer_.commit(size);
    }
}

http_transfer::task<bool> http_transfer::write_response(http_response response, bool keep_alive) {
    // Counted now that the response is known, whether or not the client reads it.
    context_.observer.answered(response.endpoint, response.status);

    // A head that could not be read has no version; HTTP/1.1 is assumed.
    unsigned const version = parser_->is_header_done() ? parser_->get().version() : 11;
    http::response<http::string_body> message;
    message.version(version);
    message.result(response.status);
    message.set(http::field::date, http_date(std::time(nullptr)));
    message.set(http::field::server, "tallyd");
    if (!response.content_type.empty()) {
        message.set(http::field::content_type, response.content_type);
    }

    for (auto const& [name, value] : response.fields) {
        message.insert(name, value);
    }

    // Beast's own reason phrases are older than RFC 9110.
    message.reason(status_title(response.status));
    message.keep_alive(keep_alive);
    message.body() = std::move(response.body);
    message.prepare_payload();

    enter(stage::writing, context_.settings.write_timeout);
    http::response_serializer<http::string_body> serializer{message};

    // A response to HEAD has the header fields of GET's, and no body (RFC 9110 section 9.3.2).
    if (parser_->is_header_done() && parser_->get().method() == http::verb::head) {
        auto const [error, size] =
            co_await http::async_write_header(socket_, serializer, await_tuple_t{});
        co_return !error;
    }
    auto const [error, size] = co_await http::async_write(socket_, serializer, await_tuple_t{});
    co_return !error;
}

http_transfer::task<void> http_transfer::linger() {
    boost::system::error_code ignored;
    socket_.shutdown(asio::ip::tcp::socket::shutdown_send, ignored);

    // The client reads our FIN as the end of the response and closes its side, which ends the loop.
    enter(stage::lingering, linger_time_max);
    for (std::size_t thrown_away = 0; thrown_away < linger_bytes_max;) {
        buffer_.clear();
        auto const [error, size] =
            co_await socket_.async_read_some(buffer_.prepare(chunked_piece_bytes), await_tuple_t{});
        if (error) {
            break;
        }
        thrown_away += size;
    }
}

void http_transfer::enter(stage next, std::chrono::milliseconds limit) {
    stage_ = next;
    timed_out_ = false;
    deadline_.store((clock::now() + limit).time_since_epoch().count(), std::memory_order_relaxed);
}

bool http_transfer::is_overdue(clock::time_point now) const noexcept {
    return deadline_.load(std::memory_order_relaxed) <= now.time_since_epoch().count();
}

void http_transfer::time_out() {
    timed_out_ = true;

    // A request gets 408 and a slow handler 503, so only the wait is ended; in the other stages
    // there is nothing to say, and the connection closes.
    if (stage_ == stage::reading) {
        boost::system::error_code ignored;
        socket_.cancel(ignored);
    } else if (stage_ != stage::answering) {
        close();
    }
}

void http_transfer::close() noexcept {
    boost::system::error_code ignored;
    socket_.close(ignored);
}

} // namespace tally::ingest
