#include "ingest/net/connection_server.hpp"

#include "ingest/net/connection_plan.hpp"
#include "ingest/net/listen_address.hpp"

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <unordered_set>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace tally::ingest {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;

namespace {

/// Without free file descriptors, accept fails at once and again; a pause keeps the loop from
/// spinning.
constexpr std::chrono::milliseconds accept_pause{100};
/// After all connections are cut off, their coroutines need a moment to end; they wait for nothing.
constexpr std::chrono::milliseconds cut_off_limit{5'000};

} // namespace

struct connection_server::impl : std::enable_shared_from_this<connection_server::impl> {
    using strand = connection::strand;
    template <typename Result>
    using task = asio::awaitable<Result, strand>;
    using await_tuple_t = asio::as_tuple_t<asio::use_awaitable_t<strand>>;
    using timer =
        asio::basic_waitable_timer<connection::clock, asio::wait_traits<connection::clock>, strand>;

    impl(asio::io_context& io, connection_plan wanted)
        : settings(std::move(wanted)), executor(asio::make_strand(io)),
          io_executor(io.get_executor()), acceptor(executor), pause(executor),
          sweep_timer(executor) {}

    std::string bind();
    void open_acceptor(tcp::endpoint const& endpoint, boost::system::error_code& error);
    task<void> accept_all();
    task<void> sweep_all();
    void take(connection::socket socket);
    void ended(std::shared_ptr<connection> const& session);
    template <typename Function>
    void for_each_session(Function function);
    bool wait_until_empty(std::chrono::milliseconds limit);
    bool wait_until_drained(std::chrono::milliseconds limit);
    void stop();

    connection_plan const settings;
    strand executor; ///< for the acceptor and the timers
    asio::io_context::executor_type io_executor;
    asio::basic_socket_acceptor<tcp, strand> acceptor;
    timer pause;
    timer sweep_timer;
    std::uint16_t port = 0;

    mutable std::mutex mutex; ///< guards the members below
    std::condition_variable all_ended;
    std::unordered_set<std::shared_ptr<connection>> sessions;
    bool started = false;
    bool listening = false;
    bool draining = false;
};

/// Opens, binds and listens, up to the first step that fails.
void connection_server::impl::open_acceptor(tcp::endpoint const& endpoint,
                                            boost::system::error_code& error) {
    acceptor.open(endpoint.protocol(), error);

    // A restart must not wait for the old connections' TIME_WAIT.
    if (!error) {
        acceptor.set_option(tcp::acceptor::reuse_address(true), error);
    }
    if (!error) {
        acceptor.bind(endpoint, error);
    }
    if (!error) {
        acceptor.listen(asio::socket_base::max_listen_connections, error);
    }
}

/// Resolves, binds and listens, synchronously: the daemon must not report that it runs before it
/// does.
std::string connection_server::impl::bind() {
    auto const address = parse_listen_address(settings.listen);
    if (!address) {
        return "'" + settings.listen + "' is not an address: expected host:port or [host]:port";
    }

    boost::system::error_code error;
    tcp::resolver resolver{io_executor};
    auto const found = resolver.resolve(address->host, std::to_string(address->port),
                                        tcp::resolver::passive, error);
    if (!error) {
        open_acceptor(found.begin()->endpoint(), error);
    }

    // The port must not stay occupied by a server that does not serve.
    if (error) {
        boost::system::error_code ignored;
        acceptor.close(ignored);
        return "cannot listen on " + settings.listen + ": " + error.message();
    }

    // Port 0 in the settings means any free one, so the real one is asked for.
    port = acceptor.local_endpoint(error).port();
    return {};
}

/// Accepts until the acceptor is closed. Each connection gets a strand of its own.
connection_server::impl::task<void> connection_server::impl::accept_all() {
    while (acceptor.is_open()) {
        auto [error, socket] =
            co_await acceptor.async_accept(asio::make_strand(io_executor), await_tuple_t{});
        if (!error) {
            take(std::move(socket));
        } else if (error != asio::error::operation_aborted && acceptor.is_open()) {
            settings.on_warning("cannot accept a connection: " + error.message());
            pause.expires_after(accept_pause);
            co_await pause.async_wait(await_tuple_t{});
        }
    }
}

/// Makes a session of a connection, unless there are too many: then it gets a short refusal and is
/// closed. The sessions that exist are not disturbed.
void connection_server::impl::take(connection::socket socket) {
    std::unique_lock lock{mutex};
    if (draining) {
        return;
    }
    if (sessions.size() >= settings.connections_max) {
        lock.unlock();

        // Without blocking: a client that does not read must not hold up the accept loop.
        std::string const text = settings.too_many();
        boost::system::error_code ignored;
        socket.non_blocking(true, ignored);
        socket.write_some(asio::buffer(text), ignored);
        socket.shutdown(tcp::socket::shutdown_send, ignored);
        return;
    }

    // The set keeps the session alive until ended(); it is entered before start(), which may call
    // ended() at once on another thread.
    auto session = settings.make(std::move(socket));
    sessions.insert(session);
    lock.unlock();
    session->start(
        [self = shared_from_this(), weak = std::weak_ptr{session}] { self->ended(weak.lock()); });
}

/// Called by a session on its own strand when it has ended.
void connection_server::impl::ended(std::shared_ptr<connection> const& session) {
    std::lock_guard const lock{mutex};
    sessions.erase(session);
    if (!sessions.empty()) {
        return;
    }
    all_ended.notify_all();
    if (draining) { // wake the sweep: there is nothing left to wait for
        asio::post(executor, [self = shared_from_this()] { self->sweep_timer.cancel(); });
    }
}

template <typename Function>
void connection_server::impl::for_each_session(Function function) {
    std::lock_guard const lock{mutex};
    for (auto const& session : sessions) {
        function(*session);
    }
}

/// Checks the deadlines of all sessions at intervals, until the server is drained and empty.
connection_server::impl::task<void> connection_server::impl::sweep_all() {
    while (acceptor.is_open() || !wait_until_empty({})) {
        sweep_timer.expires_after(settings.sweep_interval);
        co_await sweep_timer.async_wait(await_tuple_t{});

        // One reading of the clock for all sessions.
        auto const now = connection::clock::now();
        for_each_session([&](connection& session) { session.sweep(now); });
    }
}

bool connection_server::impl::wait_until_empty(std::chrono::milliseconds limit) {
    std::unique_lock lock{mutex};
    return all_ended.wait_for(lock, limit, [&] { return sessions.empty(); });
}

/// The same, and the port is closed as well.
bool connection_server::impl::wait_until_drained(std::chrono::milliseconds limit) {
    std::unique_lock lock{mutex};
    return all_ended.wait_for(lock, limit, [&] { return sessions.empty() && !listening; });
}

/// Stops accepting and drains the sessions; the sweep continues until the last of them has ended.
void connection_server::impl::stop() {
    {
        std::lock_guard const lock{mutex};
        draining = true;
    }

    // The acceptor and the timers belong to their strand; a call from another thread would race
    // with it.
    asio::post(executor, [self = shared_from_this()] {
        boost::system::error_code ignored;
        self->acceptor.close(ignored);
        self->pause.cancel();
        self->sweep_timer.cancel();
        {
            std::lock_guard const lock{self->mutex};
            self->listening = false;
        }
        self->all_ended.notify_all();
    });
    for_each_session([](connection& session) { session.drain(); });
}

connection_server::connection_server(asio::io_context& context, connection_plan plan)
    : impl_(std::make_shared<impl>(context, std::move(plan))) {}

connection_server::~connection_server() {
    bool still_running = false;
    {
        std::lock_guard const lock{impl_->mutex};
        still_running = impl_->started && !impl_->draining;
    }
    if (still_running) { // the daemon's start failed after this server's
        impl_->stop();
        impl_->for_each_session([](connection& session) { session.abort(); });
    }
}

std::string connection_server::start() {
    if (std::string problem = impl_->bind(); !problem.empty()) {
        return problem;
    }
    {
        std::lock_guard const lock{impl_->mutex};
        impl_->started = true;
        impl_->listening = true;
    }

    // Each coroutine shares the state, since it may end after this object does.
    auto const spawn = [&](auto member) {
        asio::co_spawn(
            impl_->executor, [self = impl_, member] { return (*self.*member)(); },
            [self = impl_](std::exception_ptr const& failure) {
                if (failure) {
                    self->settings.on_warning("the server of " + self->settings.listen +
                                              " ended with an exception");
                }
            });
    };
    spawn(&impl::accept_all);
    spawn(&impl::sweep_all);
    return {};
}

std::uint16_t connection_server::port() const noexcept {
    return impl_->port;
}

std::size_t connection_server::connections() const noexcept {
    std::lock_guard const lock{impl_->mutex};
    return impl_->sessions.size();
}

bool connection_server::drain(std::chrono::milliseconds limit) {
    {
        std::lock_guard const lock{impl_->mutex};
        if (!impl_->started) {
            return true;
        }
    }
    // Idle connections close at once; the others may finish what they are doing, within the limit.
    impl_->stop();
    if (impl_->wait_until_drained(limit)) {
        return true;
    }

    // The sessions refer to the handler, so they must have ended before the caller destroys it.
    impl_->for_each_session([](connection& session) { session.abort(); });
    impl_->wait_until_drained(cut_off_limit);
    return false;
}

} // namespace tally::ingest
