#include "daemon/app/listeners.hpp"

#include "config/version.hpp"
#include "daemon/app/worker_threads.hpp"
#include "ingest/http/server.hpp"
#include "ingest/push/handler.hpp"
#include "ingest/tcp/server.hpp"

#include <spdlog/spdlog.h>

#include <string>
#include <string_view>
#include <utility>

namespace tally::daemon {

namespace {

using std::chrono::milliseconds;

ingest::http_server_settings http_settings_of(config::settings const& s,
                                              std::string const& address) {
    return {.listen = address,
            .connections_max = static_cast<std::size_t>(s.http_connections_max),
            .read_timeout = milliseconds{s.http_read_timeout_ms},
            .idle_timeout = milliseconds{s.http_idle_timeout_ms},
            .answer_timeout = milliseconds{s.http_commit_timeout_ms}};
}

ingest::tcp_server_settings tcp_settings_of(config::settings const& s) {
    return {.listen = s.tcp_listen,
            .connections_max = static_cast<std::size_t>(s.tcp_connections_max),
            .idle_timeout = milliseconds{s.tcp_idle_timeout_ms}};
}

template <typename Server>
bool listen(Server& server, std::string_view endpoint, std::string const& address) {
    if (auto const problem = server.start(); !problem.empty()) {
        spdlog::error("event=cannot_listen endpoint={} address={} error=\"{}\"", endpoint, address,
                      problem);
        return false;
    }

    // The server's port, not the setting's: with port 0 the system chooses one.
    auto const host = address.substr(0, address.rfind(':'));
    spdlog::info("event=listening endpoint={} address={}:{}", endpoint, host, server.port());
    return true;
}

} // namespace

struct listeners::impl {
    impl(config::settings const& s, ingest::record_sink& sink, metrics& counters,
         std::function<daemon_status()> status, failure_report& failures)
        : settings{s}, pushes{sink, counters,
                              ingest::push_settings{
                                  static_cast<std::size_t>(s.http_body_bytes_max)}},
          admin{counters, std::move(status), std::string{config::version()}}, workers{failures},
          push_server{ingest::make_http_server(workers.context(), pushes, counters,
                                               http_settings_of(s, s.http_listen))},
          admin_server{ingest::make_http_server(workers.context(), admin, counters,
                                                http_settings_of(s, s.admin_listen))} {
        // Optional: without an address there is no server, and no port that anyone could reach.
        if (!s.tcp_listen.empty()) {
            tcp_server = ingest::make_tcp_server(workers.context(), sink,
                                                 {.pushes = counters, .connections = counters},
                                                 tcp_settings_of(s));
        }
    }

    config::settings settings;
    ingest::push_handler pushes;
    admin_handler admin;
    worker_threads workers;
    std::unique_ptr<ingest::connection_server> push_server;
    std::unique_ptr<ingest::connection_server> admin_server;
    std::unique_ptr<ingest::connection_server> tcp_server; ///< nullptr: tcp.listen is empty
};

listeners::listeners(config::settings const& settings, ingest::record_sink& sink, metrics& counters,
                     std::function<daemon_status()> status, failure_report& failures)
    : impl_{std::make_unique<impl>(settings, sink, counters, std::move(status), failures)} {
    // Warnings of sessions reach the log here, because ingest/ does not log.
    counters.on_warning([](std::string_view text) { spdlog::warn("event=http_trouble {}", text); });
}

listeners::~listeners() {
    stop();
}

bool listeners::start() {
    auto const& s = impl_->settings;

    impl_->workers.start(static_cast<std::size_t>(s.http_threads));
    return listen(*impl_->push_server, "http", s.http_listen) &&
           (impl_->tcp_server == nullptr || listen(*impl_->tcp_server, "tcp", s.tcp_listen)) &&
           listen(*impl_->admin_server, "admin", s.admin_listen);
}

bool listeners::drain_records(milliseconds limit) {
    // Both are drained even if the first one does not finish: a short circuit would leave TCP open.
    bool const http = impl_->push_server->drain(limit);
    return (impl_->tcp_server == nullptr || impl_->tcp_server->drain(limit)) && http;
}

/// Apart from the others and later: /readyz has to say "draining" during the drain.
void listeners::drain_admin(milliseconds limit) {
    impl_->admin_server->drain(limit);
}

void listeners::stop() noexcept {
    impl_->workers.stop();
}

heartbeat const& listeners::pulse() const noexcept {
    return impl_->workers.pulse();
}

std::size_t listeners::http_connections() const {
    return impl_->push_server->connections();
}

std::size_t listeners::tcp_connections() const {
    return impl_->tcp_server == nullptr ? 0 : impl_->tcp_server->connections();
}

} // namespace tally::daemon
