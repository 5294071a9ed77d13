#include "ingest/tcp/session.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>

#include <exception>
#include <utility>

namespace tally::ingest {

namespace asio = boost::asio;

namespace {

/// Interval of asking for room again: each flush returns some credit.
constexpr std::chrono::milliseconds room_wait{5};
// Any long time will do: after it, the loop only looks again.
constexpr std::chrono::hours for_ever{24};
constexpr auto never = connection::clock::time_point::max().time_since_epoch().count();

} // namespace

tcp_session::tcp_session(socket accepted, std::shared_ptr<tcp_session_context const> context)
    : socket_(std::move(accepted)), context_(std::move(context)), news_(socket_.get_executor()),
      room_(socket_.get_executor()),
      intake_(context_->sink, context_->observers.pushes, has_loopback_peer(socket_)),
      idle_deadline_(never), write_deadline_(never) {
    not_idle();

    // Acks are small and the sender waits for them, so they must not wait for more bytes to send.
    boost::system::error_code ignored;
    socket_.set_option(asio::ip::tcp::no_delay{true}, ignored);
    socket_.set_option(asio::socket_base::keep_alive{true}, ignored);
}

void tcp_session::start(std::function<void()> ended) {
    ended_ = std::move(ended);

    // Blocks finish on other threads, maybe after the connection has ended: hence the weak pointer,
    // and the post to the strand.
    intake_.on_stored([weak = weak_from_this(),
                       executor = socket_.get_executor()](std::uint64_t group, bool durable) {
        asio::post(executor, [weak, group, durable] {
            if (auto const self = weak.lock()) {
                self->stored(group, durable);
            }
        });
    });

    // Each coroutine keeps the session alive; the last one to end closes it.
    auto const spawn = [this](auto member) {
        ++running_;
        asio::co_spawn(
            socket_.get_executor(),
            [self = shared_from_this(), member] { return (*self.*member)(); },
            [self = shared_from_this()](std::exception_ptr const& failure) {
                if (failure) {
                    self->context_->observers.connections.warning(
                        "a TCP connection ended with an exception");
                    self->close();
                }
                self->finished();
            });
    };

    // Begin on the strand: start() may be called from another thread.
    asio::post(socket_.get_executor(), [self = shared_from_this(), spawn] {
        spawn(&tcp_session::read);
        spawn(&tcp_session::write);
    });
}

/// Moves the idle deadline.
void tcp_session::not_idle() noexcept {
    idle_deadline_ = (clock::now() + context_->settings.idle_timeout).time_since_epoch().count();
}

/// Called when one of the two coroutines has ended.
void tcp_session::finished() {
    if (--running_ == 0) {
        close();
        ended_();
    }
}

tcp_session::task<void> tcp_session::wait_for_room() {
    room_.expires_after(room_wait);
    co_await room_.async_wait(asio::as_tuple(asio::use_awaitable_t<strand>{}));
}

/// Sleeps until another part of the session cancels the timer.
tcp_session::task<void> tcp_session::wait_for_news() {
    news_.expires_after(for_ever);
    co_await news_.async_wait(asio::as_tuple(asio::use_awaitable_t<strand>{}));
}

/// The reading coroutine: reads and hands over in turn, so that input waits in the socket while
/// there is no room.
tcp_session::task<void> tcp_session::read() {
    bool goes_on = true;
    while (goes_on && reading_) {
        goes_on = co_await read_some();
        goes_on = co_await hand_over() && goes_on;
    }
    reading_ = false;
    news_.cancel();
}

/// False: nothing more will be received.
tcp_session::task<bool> tcp_session::read_some() {
    auto const [error, bytes] = co_await socket_.async_read_some(
        asio::buffer(buffer_), asio::as_tuple(asio::use_awaitable_t<strand>{}));
    not_idle();
    if (bytes > 0) {
        intake_.received({buffer_.data(), bytes});
    }
    if (error == asio::error::eof &&
        reading_) { // an end by stop_reading() is no end of the peer's input
        intake_.ended();
    }
    co_return !error;
}

/// Hands over what was read; false: the connection has to be closed. While there is no room, or the
/// peer does not read what is sent to it, nothing is read, and the peer's own buffers fill. Such a
/// connection is not idle: if the peer does not read, the writer's deadline ends it.
tcp_session::task<bool> tcp_session::hand_over() {
    while (true) {
        while (intake_.is_full() && socket_.is_open()) {
            not_idle();
            co_await wait_for_room();
        }

        auto const status = intake_.step();
        news_.cancel(); // wakes the writer: there may be errors to send

        // Room is asked for again until it comes: the piece stays in the intake, and nothing is
        // read.
        switch (status) {
        case tcp_intake::step_result::again:
            break;
        case tcp_intake::step_result::more:
            co_return true;
        case tcp_intake::step_result::wait:
            not_idle();
            if (!socket_.is_open()) {
                co_return false;
            }
            co_await wait_for_room();
            break;
        case tcp_intake::step_result::close:
            co_return false;
        }
    }
}

/// Sends all of `text`, which lives until then. False: the peer has gone, or does not read.
tcp_session::task<bool> tcp_session::send(std::string const& text) {
    // A peer that does not read is cut off, whatever it sends meanwhile.
    write_deadline_ = (clock::now() + context_->settings.write_timeout).time_since_epoch().count();
    auto const [error, bytes] = co_await asio::async_write(
        socket_, asio::buffer(text), asio::as_tuple(asio::use_awaitable_t<strand>{}));
    write_deadline_ = never;
    not_idle();
    co_return !error;
}

/// The writing coroutine. It ends when nothing is read any longer and every group has been
/// acknowledged or has failed.
tcp_session::task<void> tcp_session::write() {
    while (socket_.is_open()) {
        std::string const text = intake_.take();

        // Nothing to send: end if nothing can come any longer, else sleep until there is news. No
        // await lies between take() and the wait, so no news is missed.
        if (text.empty()) {
            if (!reading_ && intake_.all_done()) {
                break;
            }
            co_await wait_for_news();
            continue;
        }

        if (!co_await send(text)) {
            close();
        }
    }

    // The peer sees the end of our data once everything is acknowledged; its side may still be
    // open.
    boost::system::error_code ignored;
    socket_.shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
}

/// On the strand. After a failure the sender has to repeat, so nothing more is read.
void tcp_session::stored(std::uint64_t group, bool durable) {
    intake_.done(group, durable);
    if (!durable) {
        stop_reading();
    }
    news_.cancel();
}

/// Ends the read in progress; the writer still sends the outstanding acks.
void tcp_session::stop_reading() {
    reading_ = false;
    boost::system::error_code ignored;
    socket_.shutdown(asio::ip::tcp::socket::shutdown_receive, ignored);
    news_.cancel();
}

void tcp_session::close() {
    boost::system::error_code ignored;
    socket_.close(ignored);
    news_.cancel();
}

void tcp_session::sweep(clock::time_point now) {
    // On the server's strand: the deadlines are atomic, and everything else is posted.
    auto const moment = now.time_since_epoch().count();
    if (moment > idle_deadline_ || moment > write_deadline_) {
        abort();
    }
}

void tcp_session::drain() {
    asio::post(socket_.get_executor(), [self = shared_from_this()] { self->stop_reading(); });
}

void tcp_session::abort() {
    asio::post(socket_.get_executor(), [self = shared_from_this()] { self->close(); });
}

} // namespace tally::ingest
