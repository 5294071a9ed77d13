#pragma once

#include "config/settings.hpp"
#include "daemon/cli/progress.hpp"
#include "daemon/import/import_job.hpp"
#include "daemon/import/import_rejects.hpp"
#include "daemon/import/import_summary.hpp"
#include "daemon/pipeline/failure_report.hpp"
#include "ingest/file/file_input.hpp"
#include "rating/catalog/catalog.hpp"
#include "storage/admin/imports.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace tally::daemon {

struct import_options {
    config::settings settings;
    std::string connection_string;
    ingest::format const* in_format = nullptr;
    std::string source = "local";
    std::string rejects_file; ///< empty: unreadable records go to ingest.suspense
    bool is_dry_run = false;
    bool force = false; ///< read a file again that is done
    bool show_progress = true;
    std::function<stop_request()> stop;
    /// Called about once a second, to look after an embedded server.
    std::function<void()> look_after;
};

/// Imports files one behind the other into one database: finds out what it has of each, builds the
/// road for it, keeps its row in ingest.imports and says in the end what became of it.
///
///     digest → done already? → begin → positions → import_job → finish → summary
///
/// A file is known by its digest, so that the same command again goes on where it was cut short,
/// whatever the file is called by then. One thread; lanes have their own.
class import_session {
  public:
    /// Reads the catalog and the sources. Throws std::runtime_error with what to do.
    explicit import_session(import_options how);
    ~import_session();

    /// One file, or "-". Throws std::runtime_error when the database or the disk fails for good.
    import_summary run(std::string const& file);

    /// Whether a file's end is a success: everything was taken, or there was nothing to do.
    static bool is_success(import_summary const& summary);

  private:
    struct road; ///< a sink, and the pipeline it may be

    void load();
    bool open(ingest::file_input& input, import_summary& summary);
    bool is_done_already(import_summary& summary);
    void import(ingest::file_input& input, import_summary& summary);
    [[nodiscard]] std::unique_ptr<road> build_road(import_ledger& ledger);
    [[nodiscard]] import_task task_for(import_summary const& summary);
    [[nodiscard]] import_hooks hooks_for(ingest::file_input& input, import_summary& summary,
                                         import_ledger const& ledger);
    void finish_row(import_summary const& summary);
    void show(ingest::file_input const& input, import_summary const& summary,
              import_ledger const& ledger, import_counts const& counts, bool waiting);

    using clock = std::chrono::steady_clock;

    import_options how_;
    failure_report failures_; ///< of lanes, which then let blocks go
    storage::pq_connection connection_;
    std::shared_ptr<rating::catalog const> catalog_;
    std::shared_ptr<ingest::source_table const> sources_;
    std::shared_ptr<ingest::source const> from_;
    std::unique_ptr<import_rejects> rejects_;
    storage::import_file file_; ///< the one under way
    ingest::uuid import_id_;    ///< its row; nil: none
    progress progress_ = progress::on_standard_error();
    clock::time_point began_;
    clock::time_point looked_after_;
};

} // namespace tally::daemon
