#pragma once

#include "config/settings.hpp"
#include "daemon/cli/progress.hpp"
#include "daemon/import/database.hpp"
#include "daemon/import/job.hpp"
#include "daemon/import/rejects.hpp"
#include "daemon/import/summary.hpp"
#include "daemon/threads/failure_report.hpp"
#include "ingest/file/input.hpp"
#include "rating/catalog/catalog.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace tally::daemon {

struct import_options {
    config::settings settings;
    ingest::format const* in_format = nullptr;
    std::string source = "local";
    std::string rejects_file; ///< empty: unreadable records go to ingest.suspense
    bool is_dry_run = false;
    bool force = false; ///< import a file again although it is done
    bool show_progress = true;
    std::function<stop_request()> stop;
    /// Called about once a second, to supervise an embedded server.
    std::function<void()> supervise;
};

/// Imports files one after the other into one database: finds out how much of each is stored,
/// builds a pipeline for it, keeps its row in ingest.imports and returns a summary.
///
///     digest → done already? → begin → positions → import_job → finish → summary
///
/// A file is identified by its digest, so that the same command continues an interrupted import
/// even when the file was renamed. One thread; the lanes have their own.
class import_session {
  public:
    /// Reads the catalog and the sources. Throws storage::command_error whose text says what to do.
    import_session(std::unique_ptr<import_database> database, import_options options);
    ~import_session();

    /// Imports one file, or standard input for "-". Throws storage::command_error when a statement
    /// fails or the rejects file cannot be written.
    import_summary run(std::string const& file);

    /// Whether a summary is a success: all records were taken, or there was nothing to do.
    static bool is_success(import_summary const& summary);

  private:
    struct route; ///< the sink of an import: a pipeline, or a dry run

    void load();
    [[nodiscard]] bool is_stopping() const;
    bool open(ingest::file_input& input, import_summary& summary);
    bool is_done_already(import_summary& summary);
    void import(ingest::file_input& input, import_summary& summary);
    [[nodiscard]] std::unique_ptr<route> build_route(import_ledger& ledger,
                                                     import_summary const& summary);
    [[nodiscard]] import_task task_for(route const& lanes_route, import_ledger const& ledger);
    [[nodiscard]] import_hooks hooks_for(ingest::file_input& input, import_summary& summary,
                                         import_ledger const& ledger);
    void apply_effects();
    void finish_row(import_summary const& summary);
    void show(ingest::file_input const& input, import_summary const& summary,
              import_ledger const& ledger, import_counts const& counts, bool waiting);

    using clock = std::chrono::steady_clock;

    import_options options_;
    failure_report failures_; ///< of lanes, which then drop their blocks
    std::unique_ptr<import_database> database_;
    std::shared_ptr<rating::catalog const> catalog_;
    std::shared_ptr<ingest::source_table const> sources_;
    std::shared_ptr<ingest::source const> source_;
    std::unique_ptr<import_rejects> rejects_;
    storage::import_file file_; ///< the file under way
    ingest::uuid import_id_;    ///< of its row in ingest.imports; nil: it has none
    progress progress_ = progress::on_standard_error();
    clock::time_point began_;
    clock::time_point supervised_at_;
};

} // namespace tally::daemon
