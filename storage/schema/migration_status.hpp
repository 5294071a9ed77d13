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
    running,      ///< a no-transaction file was begun and has not come to its end
    reverting,    ///< the same, of a .down file
    edited,       ///< a file is not what was applied
    missing,      ///< applied, and there is no such file
    newer,        ///< applied by a newer tallyd than this
    out_of_order, ///< not applied, though a later one is
};
std::string_view name_of(migration_state state) noexcept;

struct migration_status {
    int version = 0;
    std::string name;
    migration_state state = migration_state::pending;
    std::string applied_at; ///< RFC 3339, UTC; empty when not applied
    std::string problem;    ///< a sentence for the operator; empty when all is well

    friend bool operator==(migration_status const&, migration_status const&) = default;
};

/// Files and records side by side, by version.
std::vector<migration_status> compare_migrations(std::span<migration const> files,
                                                 std::span<migration_record const> records);

bool has_state(std::span<migration_status const> statuses, migration_state state) noexcept;

/// Problems that nothing may be applied or reverted over, a line each; empty when there are none.
std::string refusals(std::span<migration_status const> statuses);

} // namespace tally::storage
