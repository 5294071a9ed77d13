#include "daemon/quote/rate_plan.hpp"

#include "config/nearest_name.hpp"
#include "daemon/cli/table_printer.hpp"
#include "daemon/plan/files.hpp"
#include "storage/catalog/loader.hpp"
#include "storage/postgres/command_error.hpp"

#include <algorithm>
#include <optional>

namespace tally::daemon {
namespace {

/// The number of plan codes that a message lists at most.
constexpr std::size_t codes_shown_max = 30;

/// Throws command_error with all problems of the file, a line each.
rating::plan_definition read_file(std::string const& file) {
    auto reading = read_plan_file(file);
    if (!reading.plan) {
        std::string lines;
        for (auto const& problem : reading.problems) {
            lines += (lines.empty() ? "" : "\n") + line_of(problem);
        }
        throw storage::command_error{lines};
    }
    return std::move(*reading.plan);
}

/// Plans by their codes. Each can be taken once: otherwise a plan could become its own fallback.
class plan_shelf {
  public:
    explicit plan_shelf(std::vector<std::string> const& files) {
        for (auto const& file : files) {
            plans_.push_back(read_file(file));
        }
    }

    std::optional<rating::plan_definition> take(std::string_view code) {
        auto const found = std::find_if(plans_.begin(), plans_.end(),
                                        [&](auto const& plan) { return plan.code == code; });
        if (found == plans_.end()) {
            return std::nullopt;
        }
        auto plan = std::move(*found);
        plans_.erase(found);
        return plan;
    }
    [[nodiscard]] std::vector<rating::plan_definition> const& left() const noexcept {
        return plans_;
    }

  private:
    std::vector<rating::plan_definition> plans_;
};

/// The plan, followed by its fallbacks in the order in which they are used.
///
///     starter (fallback = "standard"), standard (fallback = "world")  →  starter, standard, world
std::vector<rating::plan_definition> chain_of(rating::plan_definition plan, plan_shelf& shelf,
                                              std::vector<std::string>& warnings) {
    std::vector<rating::plan_definition> chain;
    chain.push_back(std::move(plan));
    while (!chain.back().fallback.empty()) {
        // Taken out of the shelf, so a circle of fallbacks ends here.
        auto next = shelf.take(chain.back().fallback);
        if (!next) {
            warnings.push_back("plan '" + chain.back().code + "' falls back on '" +
                               chain.back().fallback +
                               "', which no --fallback-file contains: it is not used");
            break;
        }
        chain.push_back(std::move(*next));
    }

    // Mostly a typing error in a code, and else without any effect that shows.
    for (auto const& unused : shelf.left()) {
        warnings.push_back("plan '" + unused.code + "' is no plan's fallback: it is not used");
    }
    return chain;
}

/// The warnings about rows of this plan that the loader skipped, or about the plan itself.
std::vector<std::string> warnings_about(std::string const& code,
                                        storage::load_warnings const& warnings) {
    std::vector<std::string> found;

    // Warnings are texts, so they are found by the quoted code.
    std::copy_if(warnings.texts().begin(), warnings.texts().end(), std::back_inserter(found),
                 [name = "'" + code + "'"](std::string const& text) {
                     return text.find(name) != std::string::npos;
                 });
    return found;
}

/// Says which codes there are: a mistyped one is the usual cause.
std::string unknown_code(std::string const& code, storage::loaded_catalog const& loaded) {
    rating::catalog const& catalog = *loaded.catalog;
    std::vector<std::string> codes;
    for (rating::catalog_index i = 0; i < catalog.plans(); ++i) {
        codes.push_back(catalog.plan_at(i).head().code);
    }
    std::sort(codes.begin(), codes.end());

    std::string text = "there is no plan '" + printable(code) + "'";
    auto const nearest =
        config::nearest_name(code, std::vector<std::string_view>{codes.begin(), codes.end()});
    text += nearest.empty() ? "" : "; did you mean '" + std::string{nearest} + "'?";

    text += codes.empty() ? "; the catalog has none" : "\nthe catalog's plans: ";
    for (std::size_t i = 0; i < std::min(codes.size(), codes_shown_max); ++i) {
        text += (i == 0 ? "" : ", ") + printable(codes[i]);
    }
    text += codes.size() > codes_shown_max ? ", ..." : "";

    // A plan that exists but is not in the catalog has a warning that says why.
    for (auto const& warning : warnings_about(code, loaded.warnings)) {
        text += '\n' + warning;
    }
    return text;
}

} // namespace

rating_plan plan_of_file(std::string const& plan_file,
                         std::vector<std::string> const& fallback_files) {
    rating_plan opened;
    plan_shelf shelf{fallback_files};
    auto const chain = chain_of(read_file(plan_file), shelf, opened.warnings);
    try {
        // From the last fallback to the plan: each tariff is built on the one that it falls back
        // on.
        std::for_each(chain.rbegin(), chain.rend(), [&opened](auto const& plan) {
            opened.tariff = rating::tariff_of(plan, std::move(opened.tariff));
        });
    } catch (std::invalid_argument const& refused) {
        // A plan may be valid as a file and still describe no tariff.
        throw storage::command_error{plan_file + ": " + refused.what()};
    }
    return opened;
}

rating_plan plan_of_code(std::string const& connection_string, std::string const& code) {
    // The whole catalog, since it knows our own numbers and the fallback plans.
    auto const loaded = storage::load_catalog(connection_string);
    if (!loaded.ok()) {
        throw storage::command_error{"the catalog cannot be read: " + loaded.status().detail};
    }

    rating_plan opened;
    opened.catalog = loaded->catalog;
    for (rating::catalog_index i = 0; i < opened.catalog->plans(); ++i) {
        auto const& plan = opened.catalog->plan_at(i);
        if (plan.head().code == code) {
            opened.tariff = {opened.catalog, &plan}; // lives as long as its catalog
            opened.warnings = warnings_about(code, loaded->warnings);
            return opened;
        }
    }
    throw storage::command_error{unknown_code(code, *loaded)};
}

} // namespace tally::daemon
