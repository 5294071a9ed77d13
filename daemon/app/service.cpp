#include "daemon/app/service.hpp"

#include "config/version.hpp"
#include "daemon/app/worker_threads.hpp"
#include "daemon/cli/command.hpp"
#include "daemon/cli/database.hpp"
#include "daemon/cli/logging.hpp"
#include "daemon/cli/schema_gate.hpp"
#include "daemon/cli/signals.hpp"
#include "daemon/journal/intake.hpp"
#include "daemon/monitor/admin_handler.hpp"
#include "daemon/monitor/lane_monitor.hpp"
#include "daemon/monitor/metrics.hpp"
#include "daemon/pipeline/catalog_watch.hpp"
#include "daemon/pipeline/failure_report.hpp"
#include "daemon/pipeline/pipeline.hpp"
#include "daemon/suspense/metrics.hpp"
#include "daemon/suspense/watch.hpp"
#include "daemon/upkeep/maintenance_scheduler.hpp"
#include "daemon/upkeep/partition_provisioner.hpp"
#include "ingest/http/server.hpp"
#include "ingest/push/handler.hpp"
#include "ingest/tcp/server.hpp"

#include <spdlog/spdlog.h>

#include <cstring>

namespace tally::daemon {

namespace {

using std::chrono::milliseconds;

pipeline_options pipeline_options_of(config::settings const& s) {
    return {.lanes = static_cast<std::uint32_t>(s.lanes),
            .memory_bytes_max = s.lane_memory_bytes_max,
            .batch_rows_max = static_cast<std::size_t>(s.batch_max_rows),
            .linger_max = milliseconds{s.batch_max_linger_ms},
            .import_id = {}};
}

ingest::http_server_settings http_settings_of(config::settings const& s) {
    return {.listen = s.http_listen,
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

} // namespace

struct service::impl {
    explicit impl(options given) : settings{std::move(given)} {}

    int run();
    bool start();
    catalog_target catalog_target_here();
    bool open_journal();
    void watch_journal(journal_report const& report);
    template <typename Server>
    bool listen(Server& server, std::string_view endpoint, std::string const& address);
    void serve();
    void supervise();
    void read_settings_again();
    void stop();
    bool drain();
    bool cut_short_requested(milliseconds wait);
    [[nodiscard]] daemon_status status() const;

    options settings;
    // In the order of construction; the compiler destroys them in the opposite order.
    daemon::signals signals;
    failure_report failures;
    std::unique_ptr<database> store;
    metrics counters;
    std::unique_ptr<lane_monitor> monitor;
    std::unique_ptr<intake> journal; ///< outlives the lanes, which report to it what they stored
    std::unique_ptr<pipeline> lanes;
    std::unique_ptr<suspense_watch> suspense;
    std::unique_ptr<catalog_watch> watch; ///< gives each new catalog to the parts above
    std::unique_ptr<partition_provisioner> provisioner;
    std::unique_ptr<maintenance_scheduler> maintenance;
    std::unique_ptr<ingest::push_handler> pushes;
    std::unique_ptr<admin_handler> admin;
    std::unique_ptr<worker_threads> workers;
    std::unique_ptr<ingest::http_server> push_server;
    std::unique_ptr<ingest::tcp_server> tcp_server; ///< nullptr: tcp.listen is empty
    std::unique_ptr<ingest::http_server> admin_server;
    std::atomic<bool> draining{false}; ///< read by the admin endpoint's threads
};

service::service(options settings) : impl_{std::make_unique<impl>(std::move(settings))} {}
service::~service() = default;
int service::run() {
    return impl_->run();
}

int service::impl::run() {
    set_up_log(settings.settings.log_level, settings.settings.log_format);
    spdlog::info("event=starting version={} lanes={}", config::version(), settings.settings.lanes);
    if (!start()) {
        if (workers) {
            workers->stop();
        }
        return exit_failure;
    }
    serve();
    stop();
    return failures.has_failed() ? exit_internal_failure : exit_success;
}

bool service::impl::start() {
    auto const& s = settings.settings;

    // The database, with the schema that this binary writes to, before any part can use it.
    store = std::make_unique<database>(s, database_use::owned);
    if (!open_schema(store->connection_string(), settings.migrate || store->is_embedded(), signals)) {
        return false;
    }

    // The pipeline, and the journal before it. The journal holds a reference to the pipeline.
    monitor = std::make_unique<lane_monitor>(counters, static_cast<std::size_t>(s.lanes));
    lanes = std::make_unique<pipeline>(
        pipeline_options_of(s),
        lane_connections(store->connection_string(), partition_policy_of(s)), *monitor, failures);
    if (!open_journal()) {
        return false;
    }

    // The background threads, each with its own connections.
    suspense = std::make_unique<suspense_watch>(
        suspense_watch::options{.connection_string = store->connection_string(),
                                .partitions = partition_policy_of(s),
                                .attempts_max =
                                    static_cast<std::int32_t>(s.suspense_auto_attempts_max)},
        suspense_observer_of(counters, *monitor));
    watch = std::make_unique<catalog_watch>(store->connection_string(), catalog_target_here());
    provisioner = std::make_unique<partition_provisioner>(
        store->connection_string(), partition_policy_of(s),
        [this](std::int64_t seconds) { counters.set_partition_horizon(seconds); });
    maintenance = std::make_unique<maintenance_scheduler>(
        store->connection_string(), s, [this](std::string_view job, std::string_view outcome) {
            counters.maintenance_run(job, outcome);
        });

    // The listeners: records by HTTP and TCP, the admin endpoint. They share the worker threads.
    counters.on_trouble([](std::string_view text) { spdlog::warn("event=http_trouble {}", text); });
    pushes = std::make_unique<ingest::push_handler>(
        journal->sink(), counters,
        ingest::push_settings{static_cast<std::size_t>(s.http_body_bytes_max)});
    admin = std::make_unique<admin_handler>(
        counters, [this] { return status(); }, std::string{config::version()});
    workers = std::make_unique<worker_threads>();
    push_server = std::make_unique<ingest::http_server>(workers->context(), *pushes, counters,
                                                        http_settings_of(s));
    auto admin_settings = http_settings_of(s);
    admin_settings.listen = s.admin_listen;
    admin_server =
        std::make_unique<ingest::http_server>(workers->context(), *admin, counters, admin_settings);
    if (!s.tcp_listen.empty()) {
        tcp_server = std::make_unique<ingest::tcp_server>(workers->context(), journal->sink(),
                                                          counters, tcp_settings_of(s));
    }

    // All parts exist, so threads may call any of them. Until the first catalog pushes get 503.
    lanes->start();
    journal->start();
    suspense->start();
    watch->start();
    provisioner->start();
    maintenance->start();
    workers->start(static_cast<std::size_t>(s.http_threads));
    return listen(*push_server, "http", s.http_listen) &&
           (tcp_server == nullptr || listen(*tcp_server, "tcp", s.tcp_listen)) &&
           listen(*admin_server, "admin", s.admin_listen);
}

catalog_target service::impl::catalog_target_here() {
    return {[this](auto next, ingest::time_us as_of) {
                suspense->set_catalog(next, as_of);
                lanes->set_catalog(std::move(next));
                journal->open(); // set_sources() comes before this: pushes can be authorized now
            },
            [this](auto next) {
                suspense->set_sources(next);
                lanes->set_sources(std::move(next));
            },
            [this] { monitor->reached(); },
            [this](std::string reason) { monitor->lost(std::move(reason)); }};
}

bool service::impl::open_journal() {
    auto const& s = settings.settings;
    try {
        journal = std::make_unique<intake>(
            intake_options{.folder = s.journal_dir,
                           .bytes_max = static_cast<std::uint64_t>(s.journal_max_bytes),
                           .memory_bytes_max = s.lane_memory_bytes_max,
                           .retain = std::chrono::seconds{s.journal_retain_s},
                           .retain_bytes = static_cast<std::uint64_t>(s.journal_retain_bytes),
                           .skip_damage = settings.skip_journal_damage,
                           .connection_string = store->connection_string()},
            *lanes, failures,
            [this](journal_report const& report) { watch_journal(report); });
    } catch (std::runtime_error const& refused) {
        spdlog::critical("event=journal_refused error=\"{}\"", refused.what());
        return false;
    }
    return true;
}

void service::impl::watch_journal(journal_report const& report) {
    counters.observe_journal_fsync_seconds(std::chrono::duration<double>(report.took).count());
    if (report.error != 0) {
        counters.retry("journal");
        spdlog::error("event=journal_write_failed error=\"{}\" records_refused={}",
                      std::strerror(report.error), report.records_lost);
    }
}

template <typename Server>
bool service::impl::listen(Server& server, std::string_view endpoint, std::string const& address) {
    if (auto const problem = server.start(); !problem.empty()) {
        spdlog::error("event=cannot_listen endpoint={} address={} error=\"{}\"", endpoint, address,
                      problem);
        return false;
    }
    auto const host = address.substr(0, address.rfind(':'));
    spdlog::info("event=listening endpoint={} address={}:{}", endpoint, host, server.port());
    return true;
}

void service::impl::serve() {
    while (true) {
        auto const signal = signals.wait(milliseconds{500});
        if (failures.has_failed()) {
            spdlog::critical("event=stopping reason=internal_failure");
            return;
        }
        if (signal == SIGTERM || signal == SIGINT) {
            spdlog::info("event=stopping signal={}", *signal == SIGTERM ? "SIGTERM" : "SIGINT");
            return;
        }
        if (signal == SIGHUP) {
            read_settings_again();
        }
        supervise();
    }
}

void service::impl::supervise() {
    try {
        if (store->supervise()) {
            spdlog::warn("event=embedded_postgres_restarted");
        }
    } catch (std::exception const& error) {
        spdlog::error("event=embedded_postgres_down error=\"{}\"", error.what());
    }
    for (std::uint32_t lane = 0; lane < lanes->lanes(); ++lane) {
        counters.set_lane_queue(lane, lanes->lane_queue(lane));
    }
    counters.set_journal(journal->bytes(), journal->oldest_s());
    std::uint64_t missing = 0;
    for (auto const& gap : journal->gaps()) {
        missing += gap.end_record - gap.first_record;
    }
    counters.set_journal_missing(missing);
    counters.set_tcp_connections(tcp_server == nullptr ? 0 : tcp_server->connections());
}

// Applies the log level and reloads the catalog; logs whether other settings need a restart.
void service::impl::read_settings_again() {
    config::settings next;
    auto const problems = settings.reload(next);
    for (auto const& problem : problems) {
        spdlog::error("event=settings_refused problem=\"{}\"", problem);
    }
    if (!problems.empty()) {
        return;
    }

    set_log_level(next.log_level);
    auto const level = std::exchange(settings.settings.log_level, next.log_level);
    watch->reload();
    spdlog::info("event=settings_read log_level={} was={} restart_needed={}", next.log_level, level,
                 next == settings.settings ? "no" : "yes");
}

// Stops accepting, finishes the requests under way, drains the lanes, commits, stops. A second
// signal cuts this short. Nothing acknowledged is lost either way: the journal keeps it.
void service::impl::stop() {
    draining = true;
    bool const all_stored = drain();
    spdlog::info("event=drained complete={}", all_stored ? "yes" : "no");

    watch->stop();
    suspense->stop();
    provisioner->stop();
    maintenance->stop();
    admin_server->drain(milliseconds{500});

    // The feeder first, since it pushes into the lanes. Senders that still wait for COMMIT get
    // their responses from the lanes' end and from finish(): the worker threads, which write those,
    // go last.
    journal->stop();
    lanes.reset();
    journal->finish();
    workers->stop();

    auto const totals = counters.totals();
    spdlog::info("event=stopped received={} accepted={} rejected={} committed={} duplicate={} "
                 "suspended={}",
                 totals.received, totals.accepted, totals.rejected, totals.committed,
                 totals.duplicate, totals.suspended);

    push_server.reset();
    tcp_server.reset();
    admin_server.reset();
    store.reset();
}

// Waits for a signal that ends the drain now. The drain needs the embedded server: supervise it.
bool service::impl::cut_short_requested(milliseconds wait) {
    supervise();
    auto const signal = signals.wait(wait);
    bool const hurry = signal == SIGTERM || signal == SIGINT;
    if (hurry) {
        spdlog::warn("event=drain_cut_short");
    }
    return hurry;
}

bool service::impl::drain() {
    // After an internal failure nothing more can be stored: the journal keeps it for the next run.
    milliseconds const limit{failures.has_failed() ? 0 : settings.settings.drain_timeout_ms};
    auto const deadline = std::chrono::steady_clock::now() + limit;

    // Requests wait for their commits, so the servers drain while the lanes still work.
    std::atomic<bool> done{false};
    std::atomic<bool> complete{false};
    std::thread drainer{[&] {
        complete = push_server->drain(limit);
        complete = (tcp_server == nullptr || tcp_server->drain(limit)) && complete;
        done = true;
    }};
    bool cut_short = false;
    while (!done && !cut_short) {
        cut_short = cut_short_requested(milliseconds{50});
    }

    // No push can come any longer: wait until the lanes have stored what the journal holds.
    journal->close();
    bool stored = !failures.has_failed() && journal->drain(milliseconds{0});
    while (!stored && !cut_short && !failures.has_failed() &&
           std::chrono::steady_clock::now() < deadline) {
        cut_short = cut_short_requested(milliseconds{0});
        stored = journal->drain(milliseconds{50});
    }

    if (cut_short) { // ends the drain of `drainer`, which would otherwise use up its limit
        push_server->drain(milliseconds{0});
        if (tcp_server != nullptr) {
            tcp_server->drain(milliseconds{0});
        }
    }
    drainer.join();
    return complete && stored;
}

daemon_status service::impl::status() const {
    daemon_status now;
    now.draining = draining;
    now.partition_horizon_s = provisioner->horizon_s();
    now.catalog_age_s = watch->age_s();
    now.journal_full = journal->is_full();
    now.journal_bytes = journal->bytes();
    now.journal_oldest_s = journal->oldest_s();
    for (auto const& gap : journal->gaps()) {
        now.journal_missing.push_back({gap.stream, gap.first_record, gap.end_record});
    }
    now.commit_waiters = journal->commit_waiters();
    now.http_connections = push_server->connections();
    now.tcp_connections = tcp_server == nullptr ? 0 : tcp_server->connections();
    now.sources = lanes->sources()->all().size();
    for (std::uint32_t lane = 0; lane < lanes->lanes(); ++lane) {
        now.lanes.push_back({lane, lanes->lane_queue(lane), std::nullopt});
    }
    if (auto const catalog = lanes->catalog()) { // nullptr until the first load
        now.accounts = catalog->accounts();
        now.subscriptions = catalog->subscriptions();
        for (std::uint32_t plan = 0; plan < catalog->plans(); ++plan) {
            now.rate_prefixes += catalog->plan_at(plan).rates().size();
        }
    }
    monitor->fill(now);
    return now;
}

} // namespace tally::daemon
