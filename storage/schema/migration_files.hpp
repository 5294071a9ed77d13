#pragma once

#include <filesystem>
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

/// The migrations in the binary, by version.
std::vector<migration> embedded_migrations();

/// The migrations of a folder (without subfolders), by version. Throws command_error that
/// names, a line each, every malformed name, two files of one version, and files without their
/// other direction.
std::vector<migration> read_migrations(std::filesystem::path const& folder);

/// SHA-256 as 64 hexadecimal digits.
std::string sha256_hex(std::string_view text);

} // namespace tally::storage
