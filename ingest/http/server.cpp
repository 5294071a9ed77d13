#include "ingest/http/server.hpp"

#include "ingest/http/problem.hpp"
#include "ingest/http/session.hpp"
#include "ingest/net/connection_server.hpp"

#include <algorithm>
#include <utility>

namespace tally::ingest {

namespace asio = boost::asio;

namespace {

/// Deadlines are kept to within a quarter of the shortest timeout, but at most every 5 ms.
std::chrono::milliseconds sweep_interval_of(http_server_settings const& settings) {
    auto const shortest = std::min({settings.read_timeout, settings.idle_timeout,
                                    settings.answer_timeout, settings.write_timeout});
    return std::clamp(shortest / 4, std::chrono::milliseconds{5}, std::chrono::milliseconds{1'000});
}

/// The complete response to a connection over the limit.
std::string too_many_connections() {
    http_response const response = unavailable("too many connections are open", 1);
    return "HTTP/1.1 503 Service Unavailable\r\nServer: tallyd\r\nRetry-After: 1\r\n"
           "Content-Type: application/problem+json\r\nConnection: close\r\nContent-Length: " +
           std::to_string(response.body.size()) + "\r\n\r\n" + response.body;
}

} // namespace

struct http_server::impl {
    /// Shared by the sessions; the last of them may outlive the server.
    struct shared {
        http_server_settings const settings;
        http_session_context const context;

        shared(http_handler& handler, http_observer& observer, http_server_settings wanted)
            : settings(std::move(wanted)), context{handler, observer, settings} {}
    };

    static connection_server::plan plan_of(std::shared_ptr<shared const> const& owner) {
        return {
            .listen = owner->settings.listen,
            .connections_max = owner->settings.connections_max,
            .sweep_interval = sweep_interval_of(owner->settings),
            .too_many =
                [owner] {
                    owner->context.observer.answered({}, 503);
                    return too_many_connections();
                },
            .on_warning = [owner](std::string_view text) { owner->context.observer.trouble(text); },
            .make =
                [owner](connection::socket socket) {
                    // The session refers to `by`, so the deleter holds it as long as the
                    // session lives.
                    auto* const made = new http_session(std::move(socket), owner->context);
                    return std::shared_ptr<http_session>(
                        made, [owner](http_session* gone) { delete gone; });
                }};
    }

    connection_server server;
};

http_server::http_server(asio::io_context& context, http_handler& handler, http_observer& observer,
                         http_server_settings settings)
    : impl_(new impl{{context, impl::plan_of(std::make_shared<impl::shared const>(
                                   handler, observer, std::move(settings)))}}) {}

http_server::~http_server() = default;

std::string http_server::start() {
    return impl_->server.start();
}

std::uint16_t http_server::port() const noexcept {
    return impl_->server.port();
}

std::size_t http_server::connections() const noexcept {
    return impl_->server.connections();
}

bool http_server::drain(std::chrono::milliseconds limit) {
    return impl_->server.drain(limit);
}

} // namespace tally::ingest
