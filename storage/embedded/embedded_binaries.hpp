#pragma once

#include <filesystem>
#include <optional>

namespace tally::storage {

/// An installed PostgreSQL server.
struct postgres_binaries {
    std::filesystem::path folder; ///< holds initdb and postgres
    int major = 0;
};

inline constexpr int postgres_major_min = 14; ///< oldest server that is supported

/// In `configured` when that is not empty; else the newest of /usr/lib/postgresql/*/bin,
/// /usr/pgsql-*/bin and PATH; of version `major` alone when it is given (that of an existing
/// cluster). Throws std::runtime_error that says what was looked for, where, and what to install.
postgres_binaries find_postgres(std::filesystem::path const& configured, std::optional<int> major);

} // namespace tally::storage
