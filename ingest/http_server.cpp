#include "ingest/http_server.hpp"

#include "ingest/http_address.hpp"
#include "ingest/http_session.hpp"
#include "ingest/problem.hpp"

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <unordered_set>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>

namespace tally::ingest {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;

namespace {

/// Out of file descriptors, accepting fails at once and again; a pause keeps it from spinning.
constexpr std::chrono::milliseconds accept_pause{100};
/// After everything is cut off, coroutines need a moment to end; they wait for nothing any more.
constexpr std::chrono::milliseconds cut_off_limit{5'000};

/// Deadlines are met to a quarter of the shortest time-out, but no finer than a timer is.
std::chrono::milliseconds sweep_interval_of(http_server_settings const& settings) {
    auto const shortest = std::min({settings.read_timeout, settings.idle_timeout,
                                    settings.answer_timeout, settings.write_timeout});
    return std::clamp(shortest / 4, std::chrono::milliseconds{5}, std::chrono::milliseconds{1'000});
}

/// The whole answer to a connection that is one too many.
std::string const& too_many_connections() {
    static std::string const text = [] {
        http_response const answer = unavailable("too many connections are open", 1);
        return "HTTP/1.1 503 Service Unavailable\r\nServer: tallyd\r\nRetry-After: 1\r\n"
               "Content-Type: application/problem+json\r\nConnection: close\r\nContent-Length: " +
               std::to_string(answer.body.size()) + "\r\n\r\n" + answer.body;
    }();
    return text;
}

} // namespace

struct http_server::impl : std::enable_shared_from_this<http_server::impl> {
    using strand = http_session::strand;
    template <class Result>
    using task = asio::awaitable<Result, strand>;
    using await_tuple_t = asio::as_tuple_t<asio::use_awaitable_t<strand>>;
    using timer = asio::basic_waitable_timer<http_session::clock,
                                             asio::wait_traits<http_session::clock>, strand>;

    impl(asio::io_context& io, http_handler& handler, http_observer& observer,
         http_server_settings wanted)
        : settings(std::move(wanted)), context{handler, observer, settings},
          executor(asio::make_strand(io)), io_executor(io.get_executor()), acceptor(executor),
          pause(executor), sweep_timer(executor) {}

    std::string bind();
    task<void> accept_all();
    task<void> sweep_all();
    void take(http_session::socket socket);
    void ended(std::shared_ptr<http_session> const& session);
    template <class Function>
    void for_each_session(Function function);
    bool wait_until_empty(std::chrono::milliseconds limit);
    void stop();

    http_server_settings const settings;
    http_session_context const context;
    strand executor; ///< of acceptor and timers
    asio::io_context::executor_type io_executor;
    asio::basic_socket_acceptor<tcp, strand> acceptor;
    timer pause;
    timer sweep_timer;
    std::uint16_t port = 0;

    mutable std::mutex mutex; ///< guards what follows
    std::condition_variable all_ended;
    std::unordered_set<std::shared_ptr<http_session>> sessions;
    bool started = false;
    bool draining = false;
};

std::string http_server::impl::bind() {
    auto const address = parse_http_address(settings.listen);
    if (!address) {
        return "'" + settings.listen + "' is no address: host:port or [host]:port is wanted";
    }
    boost::system::error_code error;
    tcp::resolver resolver{io_executor};
    auto const found = resolver.resolve(address->host, std::to_string(address->port),
                                        tcp::resolver::passive, error);
    if (!error) {
        tcp::endpoint const endpoint = found.begin()->endpoint();
        acceptor.open(endpoint.protocol(), error);
        if (!error)
            acceptor.set_option(tcp::acceptor::reuse_address(true), error);
        if (!error)
            acceptor.bind(endpoint, error);
        if (!error)
            acceptor.listen(asio::socket_base::max_listen_connections, error);
    }
    if (error) {
        boost::system::error_code ignored;
        acceptor.close(ignored);
        return "cannot listen on " + settings.listen + ": " + error.message();
    }
    port = acceptor.local_endpoint(error).port();
    return {};
}

http_server::impl::task<void> http_server::impl::accept_all() {
    while (acceptor.is_open()) {
        auto [error, socket] =
            co_await acceptor.async_accept(asio::make_strand(io_executor), await_tuple_t{});
        if (!error) {
            take(std::move(socket));
        } else if (error != asio::error::operation_aborted && acceptor.is_open()) {
            context.observer.trouble("cannot accept a connection: " + error.message());
            pause.expires_after(accept_pause);
            co_await pause.async_wait(await_tuple_t{});
        }
    }
}

/// Makes a session of a connection, unless there are too many: then it is told so and closed, and
/// whoever is served already is not disturbed.
void http_server::impl::take(http_session::socket socket) {
    std::unique_lock lock{mutex};
    if (draining) {
        return;
    }
    if (sessions.size() >= settings.connections_max) {
        lock.unlock();
        context.observer.answered({}, 503);
        boost::system::error_code ignored;
        socket.non_blocking(true, ignored);
        socket.write_some(asio::buffer(too_many_connections()), ignored);
        socket.shutdown(tcp::socket::shutdown_send, ignored);
        return;
    }
    auto session = std::make_shared<http_session>(std::move(socket), context);
    sessions.insert(session);
    lock.unlock();
    session->start(
        [self = shared_from_this(), weak = std::weak_ptr{session}] { self->ended(weak.lock()); });
}

void http_server::impl::ended(std::shared_ptr<http_session> const& session) {
    std::lock_guard const lock{mutex};
    sessions.erase(session);
    if (!sessions.empty()) {
        return;
    }
    all_ended.notify_all();
    if (draining) { // the sweep has nothing to wait for any more
        asio::post(executor, [self = shared_from_this()] { self->sweep_timer.cancel(); });
    }
}

template <class Function>
void http_server::impl::for_each_session(Function function) {
    std::lock_guard const lock{mutex};
    for (auto const& session : sessions) {
        function(*session);
    }
}

http_server::impl::task<void> http_server::impl::sweep_all() {
    while (acceptor.is_open() || !wait_until_empty({})) {
        sweep_timer.expires_after(sweep_interval_of(settings));
        co_await sweep_timer.async_wait(await_tuple_t{});
        auto const now = http_session::clock::now();
        for_each_session([&](http_session& session) { session.sweep(now); });
    }
}

bool http_server::impl::wait_until_empty(std::chrono::milliseconds limit) {
    std::unique_lock lock{mutex};
    return all_ended.wait_for(lock, limit, [&] { return sessions.empty(); });
}

/// Stops accepting and tells the sessions; the sweep goes on until the last of them has ended.
void http_server::impl::stop() {
    {
        std::lock_guard const lock{mutex};
        draining = true;
    }
    asio::post(executor, [self = shared_from_this()] {
        boost::system::error_code ignored;
        self->acceptor.close(ignored);
        self->pause.cancel();
        self->sweep_timer.cancel();
    });
    for_each_session([](http_session& session) { session.drain(); });
}

http_server::http_server(asio::io_context& context, http_handler& handler, http_observer& observer,
                         http_server_settings settings)
    : impl_(std::make_shared<impl>(context, handler, observer, std::move(settings))) {}

http_server::~http_server() {
    bool still_running = false;
    {
        std::lock_guard const lock{impl_->mutex};
        still_running = impl_->started && !impl_->draining;
    }
    if (still_running) { // a start-up that failed half-way
        impl_->stop();
        impl_->for_each_session([](http_session& session) { session.abort(); });
    }
}

std::string http_server::start() {
    if (std::string problem = impl_->bind(); !problem.empty()) {
        return problem;
    }
    {
        std::lock_guard const lock{impl_->mutex};
        impl_->started = true;
    }
    auto const spawn = [&](auto member) {
        asio::co_spawn(
            impl_->executor, [self = impl_, member] { return (*self.*member)(); },
            [self = impl_](std::exception_ptr failure) {
                if (failure) {
                    self->context.observer.trouble("the HTTP server ended with an exception");
                }
            });
    };
    spawn(&impl::accept_all);
    spawn(&impl::sweep_all);
    return {};
}

std::uint16_t http_server::port() const noexcept {
    return impl_->port;
}

std::size_t http_server::connections() const noexcept {
    std::lock_guard const lock{impl_->mutex};
    return impl_->sessions.size();
}

bool http_server::drain(std::chrono::milliseconds limit) {
    {
        std::lock_guard const lock{impl_->mutex};
        if (!impl_->started) {
            return true;
        }
    }
    impl_->stop();
    if (impl_->wait_until_empty(limit)) {
        return true;
    }
    impl_->for_each_session([](http_session& session) { session.abort(); });
    impl_->wait_until_empty(cut_off_limit);
    return false;
}

} // namespace tally::ingest
