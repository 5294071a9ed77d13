#pragma once

#include <optional>
#include <string>
#include <vector>

namespace tally::storage {

struct seed_options {
    bool demo = false;       ///< demo data too; with undo: demo data alone
    bool production = false; ///< refuses demo data
    /// Passwords of the system users. Not given: those of the requirement with `demo`, else random.
    std::optional<std::string> admin_password;
    std::optional<std::string> support_password;
};

/// A password that nobody knows yet: to be shown once.
struct generated_password {
    std::string email;
    std::string password;
};

struct seed_report {
    std::vector<std::string> applied; ///< names of seeds, in order; of undone ones when undoing
    std::vector<std::string> present; ///< were applied before
    std::vector<generated_password> passwords;
};

/// Applies seeds that are not recorded yet, each in one transaction with its record in
/// public.tallyd_seeds. Throws std::runtime_error when the schema is not up to date, demo data is
/// refused, or a seed fails (those before it stay).
seed_report apply_seeds(std::string const& connection_string, seed_options const& options);

/// The seeds that undo_seeds would take back, the last first. Changes nothing. Throws sql_error.
std::vector<std::string> seeds_to_undo(std::string const& connection_string,
                                       seed_options const& options);

/// Takes back what seeds made, the last first, in one transaction. Throws std::runtime_error when
/// something refers to it by now; nothing is changed then.
seed_report undo_seeds(std::string const& connection_string, seed_options const& options);

} // namespace tally::storage
