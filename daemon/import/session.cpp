#include "daemon/import/session.hpp"

#include "daemon/import/dry_run.hpp"
#include "daemon/import/stream.hpp"
#include "daemon/pipeline/pipeline.hpp"
#include "daemon/pipeline/settings.hpp"
#include "storage/postgres/command_error.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

namespace tally::daemon {

namespace {

/// How long the lanes may take to end after every block has reported its outcome.
constexpr std::chrono::milliseconds drain_limit{5000};

void log(storage::load_warnings const& warnings) {
    for (auto const& text : warnings.texts()) {
        spdlog::warn("event=row_left_out reason=\"{}\"", text);
    }
}

std::uint64_t sum_of(std::map<ingest::record_error, std::uint64_t> const& counted) {
    std::uint64_t sum = 0;
    for (auto const& [reason, count] : counted) {
        sum += count;
    }
    return sum;
}

/// Without a digest there is no position (R2): the next run meets its records by their keys (R6).
std::string advice_on_stop(import_summary const& summary) {
    return summary.digest.empty()
               ? "run the same command again; stored records will count as duplicates"
               : "run the same command again to continue where it stopped";
}

/// For the operator: what happened, what is stored, and what to do. Empty for an import that is
/// done.
std::string failure_of(import_summary const& summary, import_result const& result) {
    switch (result.end) {
    case import_end::done:
        return "";
    case import_end::file_failed:
        return result.error.detail + "; the records before it are stored";
    case import_end::stopped:
        return "stopped; " + advice_on_stop(summary);
    case import_end::given_up:
        break;
    }
    return "the database did not take all records; " + advice_on_stop(summary);
}

} // namespace

struct import_session::route {
    std::unique_ptr<ingest::record_sink> sink;
    pipeline* lanes = nullptr;             ///< `sink` unless it is a dry run
    std::unique_ptr<import_stream> stream; ///< nullptr: not resumable. Ends before the lanes
};

import_session::import_session(std::unique_ptr<import_database> database, import_options options)
    : options_{std::move(options)}, database_{std::move(database)} {
    // First, so that a wrong source leaves no file of rejects behind.
    load();
    if (!options_.rejects_file.empty()) {
        rejects_ = std::make_unique<import_rejects>(options_.rejects_file);
    }
}

import_session::~import_session() = default;

bool import_session::is_stopping() const {
    return options_.stop && options_.stop() != stop_request::none;
}

void import_session::load() {
    auto const sources = database_->sources();
    log(sources.warnings);
    sources_ = sources.sources;

    // The source must exist, be enabled and be allowed to send this format.
    auto const* found = sources_->by_name(options_.source);
    if (found == nullptr) {
        throw storage::command_error("there is no source '" + options_.source +
                                     "'; add it with: tallyd source add " + options_.source);
    }

    if (!found->is_active) {
        throw storage::command_error("source '" + options_.source +
                                     "' is disabled; enable it with: tallyd source enable " +
                                     options_.source);
    }

    // No list of formats means all of them.
    auto const& allowed = found->formats;
    if (!allowed.empty() &&
        std::find(allowed.begin(), allowed.end(), options_.in_format->name) == allowed.end()) {
        throw storage::command_error("source '" + options_.source + "' does not send the format " +
                                     std::string{options_.in_format->name});
    }

    source_ = std::make_shared<ingest::source const>(*found);

    // Read once for the whole import: a plan that changes meanwhile applies to the next one (R14).
    auto const catalog = database_->catalog();
    log(catalog.warnings);
    catalog_ = catalog.catalog;
}

import_summary import_session::run(std::string const& file) {
    began_ = clock::now();
    import_summary summary;
    summary.file = file == "-" ? "standard input" : file;
    summary.format = options_.in_format->name;
    summary.source = options_.source;
    summary.is_dry_run = options_.is_dry_run;
    summary.rejects_file = options_.rejects_file;

    // A stop must also end the digest of a large file, which is read before the first record.
    ingest::file_input input{[this] { return is_stopping(); }};

    // Each step has set the failure or the state when it ends the import.
    if (input.open(file) && open(input, summary) && !is_done_already(summary)) {
        import(input, summary);
    }

    // import() sets the state. It is still empty when the file could not be opened or digested.
    if (!input.error().ok() && summary.state.empty()) {
        bool const stopped = input.error().reason == ingest::file_failure::interrupted;
        summary.state = stopped ? "stopped" : "failed";
        summary.failure = input.error().detail;
    }
    summary.elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(clock::now() - began_);
    progress_.clear();
    return summary;
}

/// Finds out which file it is, before anything of it is read as records. False: it cannot be read.
bool import_session::open(ingest::file_input& input, import_summary& summary) {
    // The digest names the content: the same file under another name is known, a changed one is
    // new.
    file_ = {.name = summary.file,
             .digest = std::nullopt,
             .format = summary.format,
             .source_id = source_->id,
             .bytes_total = std::nullopt};
    import_id_ = {};
    if (!input.disk_bytes()) {
        return true; // a pipe: it can be read only once, so it has no digest
    }

    file_.bytes_total = static_cast<std::int64_t>(*input.disk_bytes());
    file_.digest = input.digest();
    if (file_.digest) {
        summary.digest = ingest::to_hex(*file_.digest);
    }
    return file_.digest.has_value();
}

/// A file that was imported before is recognized by its content. A dry run and --force do not ask.
bool import_session::is_done_already(import_summary& summary) {
    if (options_.is_dry_run || options_.force || !file_.digest) {
        return false;
    }

    auto const row = database_->find(file_);
    if (!row || row->state != storage::import_state::done) {
        return false;
    }

    // A success: scripts may import a folder again and again.
    summary.state = "already_imported";
    summary.id = ingest::to_string(row->id);
    summary.failure = "as " + summary.id + "; --force imports it again";
    return true;
}

void import_session::import(ingest::file_input& input, import_summary& summary) {
    if (!options_.is_dry_run) {
        // Its row of an earlier run, if that was interrupted: the counts are those of the whole
        // file.
        auto const row = database_->begin(file_);
        import_id_ = row.id;
        summary.id = ingest::to_string(row.id);
    }

    // The ledger before the route: the lanes report to it until they end.
    import_ledger ledger;
    auto const taken = build_route(ledger, summary);
    import_task task = task_for(*taken, ledger);
    ingest::file_reader reader{{[&input](std::span<char> output) { return input.read(output); },
                                [&input] { return input.error(); }},
                               {.cut = options_.in_format->cut,
                                .record_bytes_max = source_->record_bytes_max,
                                .whole_bytes_max = source_->body_bytes_max}};
    import_job job{std::move(task), *taken->sink, hooks_for(input, summary, ledger)};
    auto const result = job.run(reader);

    // All blocks are stored; now the position says so, too.
    bool const is_kept =
        taken->stream == nullptr ? !ledger.has_lost() : taken->stream->finish(drain_limit);

    if (rejects_) {
        rejects_->flush();
    }

    // Effects that this import queued are applied at its end, since no daemon may run (R17).
    summary.counts = result.counts;
    summary.totals = ledger.read();
    if (summary.totals.has_effects) {
        apply_effects();
    }

    // The state is decided last, since a lost position makes a failure of an import that seemed
    // done (R5).
    summary.state = state_text(result.end);
    summary.failure = failure_of(summary, result);
    if (!is_kept && result.end == import_end::done) {
        summary.state = "failed";
        summary.failure = "the database has lost what it had stored of this file, or does not "
                          "answer; " +
                          advice_on_stop(summary);
    }

    // Last, with the final state: until then the row says that the import is under way.
    finish_row(summary);
}

/// The only function that knows the type of the sink.
std::unique_ptr<import_session::route> import_session::build_route(import_ledger& ledger,
                                                                   import_summary const& summary) {
    auto built = std::make_unique<route>();
    if (options_.is_dry_run) {
        built->sink = std::make_unique<import_dry_run>(database_->connect_reader(), catalog_,
                                                       sources_, ledger);
        return built;
    }

    // Lanes of its own, with the settings of the daemon's. They may run beside those of a daemon
    // (R8).
    pipeline_options options = pipeline_options_of(options_.settings);
    options.import_id = import_id_;
    auto lanes = std::make_unique<pipeline>(options, database_->connect_lanes(), ledger, failures_);

    lanes->set_sources(sources_);
    lanes->set_catalog(catalog_);
    lanes->start();
    built->lanes = lanes.get();
    built->sink = std::move(lanes);

    // The stream's name contains all that decides how the bytes are read: another source or format
    // is another import. --force reads from the beginning and leaves it to the keys.
    if (!options_.force && file_.digest) {
        built->stream = std::make_unique<import_stream>(
            stream_stores{database_->connect_positions("tallyd import"),
                          database_->connect_positions("tallyd positions")},
            "import:" + summary.digest + ":" + summary.source + ":" + summary.format,
            [this] { return catalog_; }, *built->lanes);
    }
    return built;
}

import_task import_session::task_for(route const& lanes_route, import_ledger const& ledger) {
    import_task task;
    task.source = source_;
    task.in_format = options_.in_format;
    task.suspend_rejected = rejects_ == nullptr;

    // What has no position cannot be read again from where the database is now (R5).
    task.has_lost = [&ledger] { return ledger.has_lost(); };

    // Resumable: begin behind what is stored, and keep decisions on payers before records are
    // pushed (R6).
    if (auto* const stream = lanes_route.stream.get()) {
        task.kept = stream->kept();
        task.resume_from = task.kept->committed;
        task.has_lost = [stream] { return stream->has_lost(); };
        task.decide = [this, stream](auto const& block) {
            return stream->decide(block, [this] { return is_stopping(); });
        };
    }
    return task;
}

import_hooks import_session::hooks_for(ingest::file_input& input, import_summary& summary,
                                       import_ledger const& ledger) {
    import_hooks hooks;

    // R3: with a rejects file an unreadable record is written there; without one it is suspended.
    hooks.on_reject = [this, &summary](import_reject const& reject) {
        ++summary.rejected_by_reason[reject.item.error];
        if (rejects_) {
            rejects_->write(summary.file, reject);
        }
    };

    hooks.on_progress = [this, &input, &summary, &ledger](import_counts const& counts,
                                                          bool waiting) {
        show(input, summary, ledger, counts, waiting);
    };

    hooks.stop = options_.stop;
    return hooks;
}

/// Called after every piece and while waiting, on the thread that made the embedded server.
void import_session::show(ingest::file_input const& input, import_summary const& summary,
                          import_ledger const& ledger, import_counts const& counts, bool waiting) {
    // The embedded server is a child of this command, which has to supervise it meanwhile.
    auto const now = clock::now();
    if (options_.supervise && now - supervised_at_ >= std::chrono::seconds{1}) {
        supervised_at_ = now;
        options_.supervise();
    }
    if (!options_.show_progress) {
        return;
    }

    progress_state state;
    state.label = summary.file;
    state.records = counts.received;

    // Bytes as they are on disk: the size of a compressed file's content is not known.
    state.bytes_done = input.disk_bytes_read();
    state.bytes_total = input.disk_bytes();
    state.elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(now - began_);
    if (waiting) {
        auto const warning = ledger.read().warning;
        state.note = warning.empty() ? "" : "waiting for the database: " + warning;
    }
    progress_.show(state);
}

/// Here and now, since no daemon may run. A failure leaves them to the next daemon.
void import_session::apply_effects() {
    auto const status = database_->apply_effects([this] { return is_stopping(); });
    if (!status.ok()) {
        spdlog::warn("event=effects_not_applied sqlstate={} detail=\"{}\"", status.sqlstate,
                     status.detail);
    }
}

/// The row describes the whole file, over all runs. What each run stored is summed from its
/// batches.
void import_session::finish_row(import_summary const& summary) {
    if (import_id_.is_nil()) {
        return;
    }
    auto const& counts = summary.counts;

    storage::import_counts row = database_->stored(import_id_);
    auto const taken = static_cast<std::int64_t>(counts.accepted + counts.resumed);
    row.rejected = static_cast<std::int64_t>(counts.rejected);
    row.received = taken + row.rejected; // skipped records have no column

    // What was taken and is in no batch was there already. Never negative: another run may be
    // storing.
    row.duplicate = std::max<std::int64_t>(taken - row.committed - row.suspended, 0);

    if (summary.state == "done" || summary.state == "failed") {
        database_->finish(import_id_,
                          summary.state == "done" ? storage::import_state::done
                                                  : storage::import_state::failed,
                          row, summary.failure);
    } else {
        database_->update(import_id_, row); // the next run continues it
    }
}

bool import_session::is_success(import_summary const& summary) {
    if (summary.state == "already_imported") {
        return true;
    }
    auto const& counts = summary.counts;
    // A file without a single readable record is most likely in another format.
    bool const none_readable =
        counts.received > 0 && sum_of(summary.rejected_by_reason) == counts.received;
    return summary.state == "done" && !none_readable;
}

} // namespace tally::daemon
