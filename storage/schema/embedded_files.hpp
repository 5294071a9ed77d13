#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace tally::storage {

/// One file, with its content at the time of the build.
struct embedded_file {
    std::string_view path; ///< relative to its folder, with '/': "0001_identity.up.sql"
    std::string_view text; ///< the content, UTF-8
};

/// All SQL files of migrations/ and its subfolders, sorted by path. Any thread.
std::span<const embedded_file> embedded_sql() noexcept;

/// The plan files and decks of config/plans/, sorted by path. Any thread.
std::span<const embedded_file> embedded_plans() noexcept;

} // namespace tally::storage
