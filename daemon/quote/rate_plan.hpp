#pragma once

#include "rating/catalog/catalog.hpp"
#include "rating/tariff/tariff.hpp"

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace tally::daemon {

/// Why there is no plan to rate by, a line for each thing to mend.
struct no_plan : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// A plan to rate by.
struct rating_plan {
    std::shared_ptr<rating::tariff const> tariff;
    std::shared_ptr<rating::catalog const> catalog; ///< nullptr: of a file
    std::vector<std::string> warnings;
};

/// The tariff of a plan file, with the decks beside it. Plans that it names as its fallback, and
/// theirs, are looked for among `fallback_files` by their codes; one that is not there is warned
/// of, and not asked. Throws no_plan.
rating_plan plan_of_file(std::string const& plan_file,
                         std::vector<std::string> const& fallback_files);

/// A plan of the database, with all that says which numbers are ours. Throws no_plan, with the
/// codes that there are.
rating_plan plan_of_code(std::string const& connection_string, std::string const& code);

} // namespace tally::daemon
