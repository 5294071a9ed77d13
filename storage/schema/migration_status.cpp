#include "storage/schema/migration_status.hpp"

#include <algorithm>
#include <map>

namespace tally::storage {
namespace {

std::string edited_files(migration const& file, migration_record const& record) {
    std::string text;
    if (file.name != record.name) {
        text = "it was applied under the name " + record.name;
    }
    if (file.up.sha256 != record.up_sha256) {
        text += (text.empty() ? "" : ", ") + std::string{"the .up.sql file was edited"};
    }
    if (file.down.sha256 != record.down_sha256) {
        text += (text.empty() ? "" : ", ") + std::string{"the .down.sql file was edited"};
    }
    return text;
}

void judge_applied(migration_status& status, migration const& file,
                   migration_record const& record) {
    // The state comes first: an edited file is a fault only once it was applied.
    std::string const edited = edited_files(file, record);

    if (record.state == record_state::running) {
        // Not `edited`: the operator completes a failed file by correcting it.
        status.state = migration_state::running;
        status.problem = status.name + " was begun and not completed: run tallyd migrate up";
    } else if (record.state == record_state::reverting) {
        status.state = migration_state::reverting;
        status.problem = status.name + " was begun to be reverted: run tallyd migrate down";
    } else if (!edited.empty()) {
        status.state = migration_state::edited;
        status.problem =
            migration_label(file.version, file.name) + ": " + edited +
            " after it was applied: restore it, and put the change into a new migration";
    } else {
        status.state = migration_state::applied;
    }
}

void judge_absent_file(migration_status& status, int newest_file) {
    std::string const label = migration_label(status.version, status.name);
    // A newer tallyd has migrated the database, or a file was removed: the advice is not the same.
    if (status.version > newest_file) {
        status.state = migration_state::newer;
        status.problem = label + ": the database is newer than this tallyd, which knows " +
                         std::to_string(newest_file) + " and older: use a newer tallyd";
    } else {
        status.state = migration_state::missing;
        status.problem = label + ": applied, but its files are missing";
    }
}

} // namespace

std::string_view name_of(migration_state state) noexcept {
    switch (state) {
    case migration_state::applied:
        return "applied";
    case migration_state::pending:
        return "pending";
    case migration_state::running:
        return "running";
    case migration_state::reverting:
        return "reverting";
    case migration_state::edited:
        return "edited";
    case migration_state::missing:
        return "missing";
    case migration_state::newer:
        return "newer";
    case migration_state::out_of_order:
        return "out-of-order";
    }
    return "";
}

std::vector<migration_status> compare_migrations(std::span<migration const> files,
                                                 std::span<migration_record const> records) {
    std::map<int, migration_status> statuses;
    int const newest_file = files.empty() ? 0 : files.back().version;
    int const newest_record = records.empty() ? 0 : records.back().version;

    // Each record against its file.
    for (migration_record const& record : records) {
        migration_status& status = statuses[record.version];
        status = {record.version, record.name, migration_state::applied, record.applied_at, ""};
        auto const file = std::ranges::find(files, record.version, &migration::version);
        if (file != files.end()) {
            judge_applied(status, *file, record);
        } else {
            judge_absent_file(status, newest_file);
        }
    }

    // Files without a record. One below the newest record was added later; applying it now would
    // give this database another history than others have.
    for (migration const& file : files) {
        auto const [found, is_new] = statuses.try_emplace(file.version);
        if (!is_new) {
            continue;
        }
        found->second = {file.version, file.name, migration_state::pending, "", ""};
        if (file.version < newest_record) {
            found->second.state = migration_state::out_of_order;
            found->second.problem = file.label() + ": not applied, though " +
                                    std::to_string(newest_record) +
                                    " is: give it a version above that";
        }
    }

    // The map has them by version.
    std::vector<migration_status> sorted;
    for (auto& [version, status] : statuses) {
        sorted.push_back(std::move(status));
    }
    return sorted;
}

bool has_state(std::span<migration_status const> statuses, migration_state state) noexcept {
    return std::ranges::find(statuses, state, &migration_status::state) != statuses.end();
}

std::string refusals(std::span<migration_status const> statuses) {
    std::string text;
    // What was begun is not refused: the command itself completes it.
    for (migration_status const& status : statuses) {
        bool const is_mendable =
            status.state == migration_state::running || status.state == migration_state::reverting;
        if (!status.problem.empty() && !is_mendable) {
            text += (text.empty() ? "" : "\n") + status.problem;
        }
    }
    return text;
}

} // namespace tally::storage
