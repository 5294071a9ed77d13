#pragma once

#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace tally::storage {

/// One direction of a migration.
struct migration_script {
    std::string text;
    std::string sha256;         ///< 64 hexadecimal digits, of the file's bytes
    bool in_transaction = true; ///< false: marked "-- tallyd: no-transaction"
};

/// NNNN_name.up.sql and NNNN_name.down.sql.
struct migration {
    int version = 0; ///< NNNN
    std::string name;
    migration_script up;
    migration_script down;

    /// "0003 billing_catalog"
    [[nodiscard]] std::string label() const;
};
std::string migration_label(int version, std::string_view name);

/// A set of files that cannot be used; what() names every problem, one per line.
struct migration_files_error : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// The migrations in the binary, by version.
std::vector<migration> embedded_migrations();

/// The migrations of a folder (without subfolders), by version. Throws migration_files_error for a
/// malformed name, two files of one version, and a file without its other direction.
std::vector<migration> read_migrations(std::filesystem::path const& folder);

/// SHA-256 as 64 hexadecimal digits.
std::string sha256_hex(std::string_view text);

} // namespace tally::storage
