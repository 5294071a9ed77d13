#include "ingest/tcp/server.hpp"

#include "ingest/net/connection_server.hpp"
#include "ingest/tcp/session.hpp"

#include <algorithm>
#include <utility>

namespace tally::ingest {

namespace asio = boost::asio;

struct tcp_server::impl {
    static connection_server::plan
    plan_of(std::shared_ptr<tcp_session_context const> const& context) {
        // A quarter of the shortest deadline: no connection outlives its deadline by more than
        // that.
        auto const shortest =
            std::min(context->settings.idle_timeout, context->settings.write_timeout).count() / 4;
        return {.listen = context->settings.listen,
                .connections_max = context->settings.connections_max,
                .sweep_interval = std::chrono::milliseconds{std::clamp(shortest, 5L, 1'000L)},
                .too_many =
                    [] {
                        return std::string{R"({"error":{"code":"too_many_connections",)"
                                           R"("detail":"come back in a second"}})"
                                           "\n"};
                    },
                .on_warning = [context](std::string_view text) { context->observer.trouble(text); },
                .make =
                    [context](connection::socket socket) {
                        return std::make_shared<tcp_session>(std::move(socket), context);
                    }};
    }

    connection_server server;
};

tcp_server::tcp_server(asio::io_context& context, record_sink& sink, http_observer& observer,
                       tcp_server_settings settings)
    : impl_(new impl{{context, impl::plan_of(std::make_shared<tcp_session_context const>(
                                   sink, observer, std::move(settings)))}}) {}

tcp_server::~tcp_server() = default;

std::string tcp_server::start() {
    return impl_->server.start();
}

std::uint16_t tcp_server::port() const noexcept {
    return impl_->server.port();
}

std::size_t tcp_server::connections() const noexcept {
    return impl_->server.connections();
}

bool tcp_server::drain(std::chrono::milliseconds limit) {
    return impl_->server.drain(limit);
}

} // namespace tally::ingest
