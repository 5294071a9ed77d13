#include "ingest/tcp/server.hpp"

#include "ingest/net/connection_plan.hpp"
#include "ingest/tcp/session.hpp"

#include <algorithm>
#include <utility>

namespace tally::ingest {

namespace asio = boost::asio;

namespace {

connection_plan plan_of(std::shared_ptr<tcp_session_context const> const& context) {
    // A quarter of the shortest deadline: no connection outlives its deadline by more than that.
    auto const shortest =
        std::min(context->settings.idle_timeout, context->settings.write_timeout).count() / 4;
    connection_plan plan;
    plan.listen = context->settings.listen;
    plan.connections_max = context->settings.connections_max;
    plan.sweep_interval = std::chrono::milliseconds{std::clamp(shortest, 5L, 1'000L)};

    // The refusal has the form of any error of the connection: senders read one kind of line.
    plan.too_many = [] {
        return std::string{R"({"error":{"code":"too_many_connections",)"
                           R"("detail":"come back in a second"}})"
                           "\n"};
    };
    plan.on_warning = [context](std::string_view text) {
        context->observers.connections.warning(text);
    };
    plan.make = [context](connection::socket socket) {
        return std::make_shared<tcp_session>(std::move(socket), context);
    };
    return plan;
}

} // namespace

std::unique_ptr<connection_server> make_tcp_server(asio::io_context& context, record_sink& sink,
                                                   tcp_observers observers,
                                                   tcp_server_settings settings) {
    auto const shared =
        std::make_shared<tcp_session_context const>(sink, observers, std::move(settings));
    return std::make_unique<connection_server>(context, plan_of(shared));
}

} // namespace tally::ingest
