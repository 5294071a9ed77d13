#pragma once

#include "rating/catalog/catalog.hpp"
#include "rating/tariff/tariff.hpp"

#include <memory>
#include <string>
#include <vector>

namespace tally::daemon {

/// A plan to rate by.
struct rating_plan {
    std::shared_ptr<rating::tariff const> tariff;
    std::shared_ptr<rating::catalog const> catalog; ///< nullptr: the plan is from a file
    std::vector<std::string> warnings;
};

/// The tariff of a plan file and the decks beside it. Its fallback plan, and the fallback of that
/// one, are found among `fallback_files` by their codes; a missing one gives a warning and is not
/// used. Throws storage::command_error with a line per problem.
rating_plan plan_of_file(std::string const& plan_file,
                         std::vector<std::string> const& fallback_files);

/// A plan of the database, with the catalog, which knows our own numbers. Throws
/// storage::command_error, whose text lists the known codes.
rating_plan plan_of_code(std::string const& connection_string, std::string const& code);

} // namespace tally::daemon
