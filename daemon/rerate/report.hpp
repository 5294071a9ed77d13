#pragma once

#include "daemon/cli/progress.hpp"
#include "storage/rerate/job.hpp"

#include <chrono>
#include <iosfwd>
#include <string>
#include <vector>

namespace tally::daemon {

/// The progress and the summary of a rerating. Keeps the first changes and the first calls without
/// a rate, and counts the others. One thread.
class rerate_report {
  public:
    explicit rerate_report(std::string label);

    void changed(storage::call_change const& change);
    void unrated(storage::unrated_call const& call);
    void progressed(storage::rerate_counts const& counts, std::int64_t calls_total);
    void clear_progress() { progress_.clear(); }

    /// Prints sums that add up; for a dry run the differences come first.
    void write_text(std::ostream& out, storage::rerate_outcome const& outcome,
                    bool is_dry_run) const;
    /// Prints one line with a JSON object.
    void write_json(std::ostream& out, storage::rerate_outcome const& outcome,
                    bool is_dry_run) const;

  private:
    /// A few screens. All changes of a run are in billing.cdr_adjustments.
    static constexpr std::size_t rows_max = 1000;

    struct change_row {
        std::string uuid, start_time, old_cost, new_cost, prefix;
        std::int64_t old_allowance_s = 0, new_allowance_s = 0;
    };
    struct unrated_row {
        std::string uuid, start_time, destination, reason;
    };
    using clock = std::chrono::steady_clock;

    void write_changes(std::ostream& out, std::int64_t all) const;
    void write_unrated(std::ostream& out, std::int64_t all) const;
    [[nodiscard]] std::chrono::milliseconds elapsed() const;

    std::string label_;
    clock::time_point began_ = clock::now();
    progress progress_ = progress::on_standard_error();
    std::vector<change_row> changes_;
    std::vector<unrated_row> unrated_;
};

/// "done", "stopped", "nothing_selected", "busy"
std::string_view state_text(storage::rerate_end end) noexcept;

} // namespace tally::daemon
