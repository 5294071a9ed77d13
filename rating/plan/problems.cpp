#include "rating/plan/problems.hpp"

#include <algorithm>

namespace tally::rating {

std::uint32_t plan_problems::add_file(std::string_view name) {
    files_.emplace_back(name);
    return static_cast<std::uint32_t>(files_.size() - 1);
}

void plan_problems::add(plan_location location, std::string text) {
    // A deck of the wrong kind has a problem in every row: all are counted, the first ones are
    // kept.
    ++count_;
    if (kept_.size() < kept_max) {
        kept_.push_back({location, std::move(text)});
    }
}

std::string plan_problems::text_of(plan_location location, plan_location seen_from) const {
    std::string const line = std::to_string(location.line);
    return location.file == seen_from.file ? "line " + line : files_[location.file] + ":" + line;
}

std::vector<plan_problem> plan_problems::take() {
    // In the order of the files, not of the checks. Stable: problems of one line keep their order.
    std::ranges::stable_sort(kept_, {}, &entry::location);
    std::vector<plan_problem> all;
    for (auto& [location, text] : kept_) {
        all.push_back({files_[location.file], location.line, location.column, std::move(text)});
    }
    if (count_ > kept_.size()) {
        all.push_back({files_.front(), 0, 0,
                       "and " + std::to_string(count_ - kept_.size()) + " more problems"});
    }
    return all;
}

} // namespace tally::rating
