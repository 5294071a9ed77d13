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

/// Searches `configured` if it is not empty; otherwise returns the newest server in
/// /usr/lib/postgresql/*/bin, /usr/pgsql-*/bin and PATH. If `major` is given (the version of an
/// existing cluster), only that version counts. Throws std::runtime_error that says which version
/// was searched, where, and what to install.
postgres_binaries find_postgres(std::filesystem::path const& configured, std::optional<int> major);

} // namespace tally::storage
