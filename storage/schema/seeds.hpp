#pragma once

#include <optional>
#include <string>
#include <vector>

namespace tally::storage {

struct seed_options {
    bool demo = false;       ///< demo data too; with undo: demo data only
    bool production = false; ///< refuse demo data
    /// Passwords of the system users. nullopt: with `demo` the documented ones, otherwise random.
    std::optional<std::string> admin_password;
    std::optional<std::string> support_password;
};

/// A random password, which the command shows once.
struct generated_password {
    std::string email;
    std::string password;
};

struct seed_report {
    std::vector<std::string> applied; ///< names of the applied (or undone) seeds, in order
    std::vector<std::string> present; ///< those that were applied before
    std::vector<generated_password> passwords;
};

/// Applies seeds that are not recorded yet, each in one transaction with its record in
/// public.tallyd_seeds. Throws command_error if the schema is not up to date, if demo data is
/// refused, or if a seed fails (those before it stay applied).
seed_report apply_seeds(std::string const& connection_string, seed_options const& options);

/// The seeds that undo_seeds() would undo, the last first. Changes nothing. Throws database_error.
std::vector<std::string> seeds_to_undo(std::string const& connection_string,
                                       seed_options const& options);

/// Removes the rows that seeds inserted, the last seed first, in one transaction. Throws
/// command_error if other rows reference them by now; then nothing is changed.
seed_report undo_seeds(std::string const& connection_string, seed_options const& options);

} // namespace tally::storage
