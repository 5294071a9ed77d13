#include "storage/batch/batch_opening.hpp"

#include "storage/batch/batch_statements.hpp"

#include <algorithm>
#include <string>
#include <string_view>

namespace tally::storage {

namespace {

/// ok if all rows were written, otherwise `stale` with the number of those that were not.
result stale(std::int64_t written, std::size_t wanted, char const* rows) {
    // A conditional statement writes fewer rows if another session has changed one of them (R8).
    auto const missing = static_cast<std::int64_t>(wanted) - written;
    if (missing == 0) {
        return {};
    }
    return {failure::stale, {}, std::to_string(missing) + " of " + std::to_string(wanted) + rows};
}

/// The number of usage rows that the batch expects to exist.
std::size_t expected_usage(batch const& content) {
    return static_cast<std::size_t>(
        std::count_if(content.usage.begin(), content.usage.end(),
                      [](usage_delta const& row) { return row.expected_version > 0; }));
}

} // namespace

result check_opening(std::span<pipelined const> statements, pipeline_outcome const& outcome,
                     batch const& content, commit_counts& counts) {
    // Every statement is looked at, even after the first that says `stale`: a duplicate that is
    // found later decides.
    result status;
    for (std::size_t i = 0; i < statements.size(); ++i) {
        auto const& rows = outcome.rows[i];
        std::string_view const name = statements[i].name;

        // A predecessor that is not there was lost by a failover, so this batch must not follow it
        // (S14).
        if (name == statement::is_committed && row_count(rows) == 0) {
            return {failure::lost, {}, "a batch that this one rests on is not there"};
        }

        // From here on what other sessions have changed since the batch was read and rated.
        if (name == statement::identities) {
            // Overrides `stale`: a lane drops the stored events before it rates the rest again.
            if (static_cast<std::size_t>(int64_at(rows, 0, 0)) != content.events.size()) {
                return {failure::duplicate, {}, "some events are stored already"};
            }
        } else if (name == statement::suspense) {
            counts.suspended += static_cast<std::uint32_t>(int64_at(rows, 0, 0));
        } else if (!status.ok()) {
            continue;
        } else if (name == statement::usage) {
            status =
                stale(affected(rows), expected_usage(content), " usage rows have another version");
        } else if (name == statement::new_usage) {
            status = stale(affected(rows), content.usage.size() - expected_usage(content),
                           " new usage rows have been created meanwhile");
        } else if (name == statement::metrics) {
            status = stale(int64_at(rows, 0, 0), content.metrics.size(),
                           " metric rows have another version");
        } else if (name == statement::unique_values) {
            status = stale(affected(rows), content.unique_values.size(),
                           " values have been counted meanwhile");
        } else if (name == statement::resolve) {
            // Another session has taken a row that no longer waits: its record must not be stored
            // a second time (R16).
            status =
                stale(affected(rows), content.resolved.size(), " suspended records no longer wait");
        }
    }
    return status;
}

result check_locks(std::span<pipelined const> statements, pipeline_outcome const& outcome,
                   std::size_t usage_rows) {
    // A row that was created between the two statements is neither locked nor created by this
    // session: the batch would be rated on a row that another session may change (S3).
    std::int64_t held = 0;
    for (std::size_t i = 0; i < statements.size(); ++i) {
        std::string_view const name = statements[i].name;
        if (name == statement::lock_usage) {
            held += int64_at(outcome.rows[i], 0, 0);
        } else if (name == statement::create_usage) {
            held += affected(outcome.rows[i]);
        }
    }
    return stale(held, usage_rows, " usage rows have been created meanwhile");
}

} // namespace tally::storage
