#include "daemon/pipeline/catalog_watch.hpp"

#include "ingest/base/time.hpp"

#include <spdlog/spdlog.h>

#include <new>

namespace tally::daemon {

namespace {

void log_warnings(storage::load_warnings const& warnings) {
    for (auto const& warning : warnings.texts()) {
        spdlog::warn("event=catalog_row_left_out detail=\"{}\"", warning);
    }

    // Only the first ones have texts, so that a million bad rows do not make a million lines.
    if (warnings.count() > warnings.texts().size()) {
        spdlog::warn("event=catalog_rows_left_out count={}", warnings.count());
    }
}

} // namespace

catalog_watch::catalog_watch(std::unique_ptr<catalog_database> database, catalog_target target,
                             failure_report& failures, intervals timing)
    : database_{std::move(database)}, target_{std::move(target)}, failures_{failures},
      timing_{timing} {}

catalog_watch::catalog_watch(std::unique_ptr<catalog_database> database, catalog_target target,
                             failure_report& failures)
    : catalog_watch{std::move(database), std::move(target), failures, intervals{}} {}

catalog_watch::~catalog_watch() {
    stop();
}

void catalog_watch::start() {
    thread_.start([this] { run(); });
}

void catalog_watch::stop() noexcept {
    // The thread mostly waits for a notification: without this it would end with that wait.
    thread_.stop([this] { database_->cancel(); });
}

std::optional<std::int64_t> catalog_watch::age_s() const noexcept {
    auto const index = loaded_at_s_.load(std::memory_order_relaxed);
    return index == 0 ? std::nullopt : std::optional{ingest::now_s() - index};
}

void catalog_watch::run() noexcept {
    while (!thread_.is_stopping()) {
        try {
            pulse_.work();
            poll();
        } catch (std::bad_alloc const& error) {
            failures_.report("catalog_watch", error.what());
            break;
        } catch (std::exception const& error) {
            reload_asked_ = true; // the notification is consumed, so remember the change
            spdlog::error("event=catalog_not_loaded error=\"{}\"", error.what());
            thread_.pause(timing_.retry_after);
        }
    }
    pulse_.rest();
}

void catalog_watch::poll() {
    // Waits on the LISTEN connection; an answer of any kind shows that the database is there.
    auto const changed = [this] {
        database_wait const waiting{pulse_};
        return database_->wait_for_change(static_cast<int>(timing_.wait.count()));
    }();
    if (!changed.ok()) {
        report_loss(changed.status());
        return;
    }

    target_.reached();

    bool const is_asked = reload_asked_.exchange(false); // one load serves both
    if (!*changed && !is_asked) {
        return;
    }

    // A change sends many notifications (importing a deck is many statements): one load serves all.
    thread_.pause(timing_.settle);
    if (auto const outcome = load(); !outcome.ok()) {
        reload_asked_ = true; // the notification is consumed, so remember the change
        report_loss(outcome);
    }
}

storage::result catalog_watch::load() {
    // A load that fails leaves the published catalog in use.
    auto const began = std::chrono::steady_clock::now();
    auto loaded = [this] {
        database_wait const waiting{pulse_};
        return database_->load();
    }();
    if (!loaded.ok()) {
        return loaded.status();
    }
    auto [senders, catalog] = *std::move(loaded);

    // A row that is left out may change who pays, so every load names it.
    log_warnings(senders.warnings);
    log_warnings(catalog.warnings);
    auto const took = std::chrono::duration_cast<std::chrono::milliseconds>(
        std::chrono::steady_clock::now() - began);
    spdlog::info("event=catalog_loaded accounts={} subscriptions={} dids={} plans={} took_ms={}",
                 catalog.catalog->accounts(), catalog.catalog->subscriptions(),
                 catalog.catalog->dids(), catalog.catalog->plans(), took.count());

    // Sources first, so that a part that has the catalog has them as well.
    target_.set_sources(std::move(senders.sources));
    target_.set_catalog(std::move(catalog.catalog), catalog.as_of);

    // Last: the age tells readiness that a catalog is in use.
    loaded_at_s_ = ingest::now_s();
    return {};
}

void catalog_watch::report_loss(storage::result const& status) {
    if (thread_.is_stopping()) {
        return; // not a failure: stop() canceled the wait
    }
    spdlog::warn("event=catalog_not_loaded sqlstate={} detail=\"{}\"", status.sqlstate,
                 status.detail);

    target_.lost(status.detail);
    thread_.pause(timing_.retry_after);
}

} // namespace tally::daemon
