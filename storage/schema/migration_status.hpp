#pragma once

#include "storage/schema/migration_files.hpp"
#include "storage/schema/migration_records.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tally::storage {

enum class migration_state : std::uint8_t {
    applied,
    pending,
    running,      ///< a no-transaction file was begun and not completed
    reverting,    ///< the same, of a .down file
    edited,       ///< a file differs from what was applied
    missing,      ///< applied, but there is no such file
    newer,        ///< applied by a newer version of tallyd
    out_of_order, ///< not applied, although a later one is
};
std::string_view name_of(migration_state state) noexcept;

struct migration_status {
    int version = 0;
    std::string name;
    migration_state state = migration_state::pending;
    std::string applied_at; ///< RFC 3339, UTC; empty when not applied
    std::string problem;    ///< a sentence for the operator; empty: no problem

    friend bool operator==(migration_status const&, migration_status const&) = default;
};

/// Compares files and records; the result is sorted by version.
std::vector<migration_status> compare_migrations(std::span<migration const> files,
                                                 std::span<migration_record const> records);

bool has_state(std::span<migration_status const> statuses, migration_state state) noexcept;

/// The problems that forbid to apply or revert anything, one per line; empty if there are none.
std::string refusals(std::span<migration_status const> statuses);

} // namespace tally::storage
