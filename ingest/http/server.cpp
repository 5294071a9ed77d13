#include "ingest/http/server.hpp"

#include "ingest/http/problem.hpp"
#include "ingest/http/session.hpp"
#include "ingest/net/connection_plan.hpp"

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

/// Shared by the sessions; the last of them may outlive the server.
struct server_share {
    http_server_settings const settings;
    http_session_context const context;

    server_share(http_handler& handler, connection_observer& observer, http_server_settings wanted)
        : settings(std::move(wanted)), context{handler, observer, settings} {}
};

connection_plan plan_of(std::shared_ptr<server_share const> const& share) {
    // Each function holds the share, since connections may outlive the server that made them.
    connection_plan plan;
    plan.listen = share->settings.listen;
    plan.connections_max = share->settings.connections_max;
    plan.sweep_interval = sweep_interval_of(share->settings);

    // A refused connection was answered too, so the metrics count it.
    plan.too_many = [share] {
        share->context.observer.answered({}, 503);
        return too_many_connections();
    };
    plan.on_warning = [share](std::string_view text) { share->context.observer.warning(text); };

    // The session refers to `share`, so the deleter holds it as long as the session lives.
    plan.make = [share](connection::socket socket) {
        auto* const made = new http_session(std::move(socket), share->context);
        return std::shared_ptr<http_session>(made, [share](http_session* gone) { delete gone; });
    };
    return plan;
}

} // namespace

std::unique_ptr<connection_server> make_http_server(asio::io_context& context,
                                                    http_handler& handler,
                                                    connection_observer& observer,
                                                    http_server_settings settings) {
    auto const share = std::make_shared<server_share const>(handler, observer, std::move(settings));
    return std::make_unique<connection_server>(context, plan_of(share));
}

} // namespace tally::ingest
