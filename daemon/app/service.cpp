#include "daemon/app/service_impl.hpp"

#include "config/version.hpp"
#include "daemon/cli/command.hpp"
#include "daemon/cli/logging.hpp"
#include "daemon/cli/schema_gate.hpp"
#include "daemon/effects/metrics.hpp"
#include "daemon/pipeline/settings.hpp"
#include "daemon/suspense/metrics.hpp"
#include "storage/effects/effect_store.hpp"

#include <spdlog/spdlog.h>

#include <cstring>

namespace tally::daemon {

namespace {

using std::chrono::milliseconds;

/// R4: a reported failure ends the process within this time. Gauges are read at the same pace.
constexpr milliseconds supervised_every{500};
/// How often it is asked whether the database has been reached, at the start.
constexpr milliseconds looked_for_every{20};

} // namespace

service::service(options settings) : impl_{std::make_unique<impl>(std::move(settings))} {}
service::~service() = default;
int service::run() {
    return impl_->run();
}

int service::impl::run() {
    set_up_log(settings.settings.log_level, settings.settings.log_format);
    spdlog::info("event=starting version={} lanes={}", config::version(), settings.settings.lanes);

    // The part that refused has logged why.
    if (!start()) {
        return exit_failure;
    }

    // Returns for a signal, a reported failure, or a schema that is refused.
    serve();
    stop();

    // R4: exit code 70 tells the supervisor to start the daemon again, which replays the journal.
    if (failures.has_failed()) {
        return exit_internal_failure;
    }
    return schema->state() == schema_state::refused ? exit_failure : exit_success;
}

bool service::impl::start() {
    auto const& s = settings.settings;

    // The embedded database has its schema before anything else happens. Another one may come later
    // than the first pushes.
    store = std::make_unique<database>(s, database_use::owned);
    if (store->is_embedded() && !open_schema(store->connection_string(), true, signals)) {
        return false;
    }

    // The pipeline, and the journal before it. The journal holds a reference to the pipeline.
    monitor = std::make_unique<lane_monitor>(counters, static_cast<std::size_t>(s.lanes));
    effects = std::make_unique<effects_worker>(
        storage::connect_effects(store->connection_string(), "tallyd effects"),
        effects_observer_of(counters), failures);
    monitor->on_effects([this] { effects->wake(); });
    lanes = std::make_unique<pipeline>(
        pipeline_options_of(s),
        lane_connections(store->connection_string(), partition_policy_of(s)), *monitor, failures);

    // The log has the reason, such as another process that holds the lock, or a newer version.
    if (!open_journal()) {
        return false;
    }

    // Created before the listeners, because /status reads them. They start when the schema is
    // ready.
    make_background_parts();
    endpoints = std::make_unique<listeners>(
        s, journal->sink(), counters, [this] { return status(); }, failures);

    // The first contact with the database. Pushes do not wait for it: the journal answers them.
    schema = std::make_unique<schema_watch>(
        schema_watch::options{store->connection_string(), settings.migrate},
        [this](std::string reason) { monitor->lost(std::move(reason)); });

    watch_parts();

    // All parts exist, so threads may call any of them. Until the sources are known pushes get 503.
    use_cached_sources();
    lanes->start();
    journal->start();
    bool const listens = endpoints->start();
    schema->start();
    return listens;
}

/// The threads that work with the database, each with its own connections.
void service::impl::make_background_parts() {
    auto const& s = settings.settings;

    // Gets each new catalog, because that is when the reason of a waiting record may be gone.
    suspense = std::make_unique<suspense_watch>(
        suspense_database_at(store->connection_string(), partition_policy_of(s)),
        static_cast<std::int32_t>(s.suspense_auto_attempts_max),
        suspense_observer_of(counters, *monitor), failures);

    // The source of every catalog: the lanes and the feeder wait for its first one.
    watch = std::make_unique<catalog_watch>(catalog_database_at(store->connection_string()),
                                            catalog_target_here(), failures);

    // Partitions are made ahead of time, so that no lane has to make one for a current day.
    provisioner = std::make_unique<partition_provisioner>(
        store->connection_string(), partition_policy_of(s),
        [this](std::int64_t seconds) { counters.database.partition_horizon_seconds.set(seconds); },
        failures);

    // Several daemons may have this thread. PostgreSQL decides which of them does a run.
    maintenance = std::make_unique<maintenance_scheduler>(
        store->connection_string(), s,
        [this](std::string_view job, std::string_view outcome) {
            counters.upkeep.maintenance_runs.add({job, outcome}, 1);
        },
        failures);
}

void service::impl::watch_parts() {
    for (std::uint32_t lane = 0; lane < lanes->lanes(); ++lane) {
        pulses.watch(lanes->lane_at(lane).pulse());
    }

    // The threads that belong to the journal: writer, feeder and position keeper.
    for (auto const* pulse : journal->pulses()) {
        pulses.watch(*pulse);
    }
    for (auto const* pulse :
         {&schema->pulse(), &watch->pulse(), &effects->pulse(), &suspense->pulse(),
          &provisioner->pulse(), &maintenance->pulse(), &endpoints->pulse()}) {
        pulses.watch(*pulse);
    }
}

/// Starts the parts that need the database and its schema, once both are there.
void service::impl::start_at_database() {
    if (is_at_database || schema->state() != schema_state::ready) {
        return;
    }

    // Only once: a database that is lost later is waited for by each part itself.
    is_at_database = true;
    effects->start();
    suspense->start();
    watch->start();
    provisioner->start();
    maintenance->start();
}

/// Whether records can still be stored, so that the end of the drain is worth waiting for.
bool service::impl::can_store() const {
    return !failures.has_failed() && schema->state() != schema_state::refused &&
           (schema->state() == schema_state::ready || !schema->has_missed());
}

catalog_target service::impl::catalog_target_here() {
    return {[this](auto next, ingest::time_us as_of) {
                suspense->set_catalog(next, as_of);
                lanes->set_catalog(std::move(next));
            },
            [this](auto next) {
                suspense->set_sources(next);
                lanes->set_sources(next);
                journal->open(); // pushes can be authorized now
                cache->store(std::move(next));
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
            *lanes, failures, [this](journal_report const& report) { watch_journal(report); });
    } catch (std::runtime_error const& refused) {
        spdlog::critical("event=journal_refused error=\"{}\"", refused.what());
        return false;
    }

    // With it pushes can be authorized while the database is unavailable at the next start.
    cache = std::make_unique<sources_cache>(s.journal_dir);
    return true;
}

/// Takes pushes before the first load, by the sources of the last one.
void service::impl::use_cached_sources() {
    auto const sources = cache->load();
    if (sources == nullptr) {
        return;
    }

    // The same receivers as a load has, except for the cache itself. Now pushes can be authorized.
    spdlog::info("event=sources_from_cache sources={}", sources->all().size());
    suspense->set_sources(sources);
    lanes->set_sources(sources);
    journal->open();
    sources_cached = true;
}

void service::impl::watch_journal(journal_report const& report) {
    counters.journal.fsync_seconds.observe(std::chrono::duration<double>(report.took).count());

    // R1: none of these records was acknowledged, so their senders repeat them.
    if (report.error != 0) {
        counters.lanes.retries.add({"journal"}, 1);
        spdlog::error("event=journal_write_failed error=\"{}\" records_refused={}",
                      std::strerror(report.error), report.records_lost);
    }
}

void service::impl::serve() {
    while (true) {
        // Until the database is there, a shorter wait keeps the first records from waiting for it.
        auto const signal = signals.wait(is_at_database ? supervised_every : looked_for_every);

        // R4: before any signal, because after a failure nothing is drained.
        if (failures.has_failed()) {
            spdlog::critical("event=stopping reason=internal_failure");
            return;
        }

        // A schema of another version does not become right by waiting.
        if (schema->state() == schema_state::refused) {
            spdlog::critical("event=stopping reason=schema_refused");
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
    // Also during a drain: without a first catalog the feeder could not store what is left.
    start_at_database();

    // A failed restart of the embedded server is no reason to end: the lanes wait, and the next
    // call tries again.
    try {
        if (store->supervise()) {
            spdlog::warn("event=embedded_postgres_restarted");
        }
    } catch (std::exception const& error) {
        spdlog::error("event=embedded_postgres_down error=\"{}\"", error.what());
    }

    // Gauges of values that change with every record are read here instead of being set there.
    for (std::uint32_t lane = 0; lane < lanes->lanes(); ++lane) {
        counters.lanes.queue_records.set(std::to_string(lane), lanes->lane_queue(lane));
    }
    counters.journal.bytes.set(journal->bytes());
    counters.journal.oldest_seconds.set(journal->oldest_s());

    // R4: a thread that hangs cannot report it.
    pulses.look(liveness::clock::now(), [this](std::string_view part, std::int64_t seconds) {
        counters.liveness.standing_seconds.set(std::string{part}, seconds);
    });

    // Records that neither the journal nor the database has, until an operator settles the gaps.
    std::uint64_t missing = 0;
    for (auto const& gap : journal->gaps()) {
        missing += gap.end_record - gap.first_record;
    }
    counters.journal.missing_records.set(missing);
    counters.tcp.connections.set(endpoints->tcp_connections());
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

daemon_status service::impl::status() const {
    daemon_status now;
    now.draining = draining;

    // The facts that decide whether the daemon is ready.
    now.partition_horizon_s = provisioner->horizon_s();
    now.catalog_age_s = watch->age_s();
    now.sources_cached = sources_cached;
    now.journal_full = journal->is_full();
    now.journal_bytes = journal->bytes();
    now.journal_oldest_s = journal->oldest_s();
    for (auto const& gap : journal->gaps()) {
        now.journal_missing.push_back({gap.stream, gap.first_record, gap.end_record});
    }

    // The facts that show how busy it is.
    now.commit_waiters = journal->commit_waiters();
    now.http_connections = endpoints->http_connections();
    now.tcp_connections = endpoints->tcp_connections();
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

    // Last, since the monitor adds to the lanes listed above.
    now.parts = pulses.parts(liveness::clock::now());
    monitor->fill(now);
    return now;
}

} // namespace tally::daemon
