#include "rating/tariff.hpp"

#include "rating/exact_cost.hpp"

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <tuple>
#include <utility>

namespace tally::rating {

namespace {

[[noreturn]] void refuse(rate const& bad, std::string const& why) {
    throw std::invalid_argument("rate " + ingest::to_string(bad.id) + " (prefix '" + bad.prefix +
                                "', '" + bad.name + "'): " + why);
}

void check_steps(rate const& r) {
    if (r.steps.empty() || r.steps.front().from_s != 0) {
        refuse(r, "its first step must begin at second 0");
    }
    std::uint64_t denominator = 1;
    for (std::size_t i = 0; i < r.steps.size(); ++i) {
        rate_step const& step = r.steps[i];
        if (step.unit_s == 0 || step.increment_s == 0) {
            refuse(r, "a step's unit and increment must be positive");
        }
        if (i > 0 && step.from_s <= r.steps[i - 1].from_s) {
            refuse(r, "steps must be in the order of their from_s");
        }
        auto const common = common_denominator(denominator, step.unit_s);
        if (!common) {
            refuse(r, "the units of its steps have no common multiple below 2^62");
        }
        denominator = *common;
    }
}

void check(rate const& r) {
    if (r.prefix.size() > prefix_index::digits_max ||
        r.prefix.find_first_not_of("0123456789") != std::string::npos) {
        refuse(r, "the prefix must be at most 32 digits");
    }
    check_steps(r);
}

bool same_group(rate const& a, rate const& b) noexcept {
    return a.direction == b.direction && a.prefix == b.prefix;
}

bool in_order(rate const& a, rate const& b) noexcept {
    return std::tie(a.direction, a.prefix, b.effective_from) <
           std::tie(b.direction, b.prefix, a.effective_from);
}

} // namespace

tariff::tariff(header head, std::vector<rate> rates)
    : head_(std::move(head)), rates_(std::move(rates)) {
    if (head_.how.decimals > 9) {
        throw std::invalid_argument("plan '" + head_.code + "': decimals must be 0 to 9");
    }
    if (rates_.size() >= std::numeric_limits<std::uint32_t>::max()) {
        throw std::length_error("plan '" + head_.code + "' has too many rates");
    }
    std::for_each(rates_.begin(), rates_.end(), check);
    // Stable: of two alike in everything the first given is the one that is found.
    std::stable_sort(rates_.begin(), rates_.end(), in_order);
    build_groups();
}

void tariff::build_groups() {
    std::array<std::vector<std::pair<std::string_view, std::uint32_t>>, 2> entries;
    for (std::size_t i = 0; i < rates_.size(); ++i) {
        if (i > 0 && same_group(rates_[i - 1], rates_[i])) {
            continue;
        }
        auto const group = static_cast<std::uint32_t>(group_begin_.size());
        entries[static_cast<std::size_t>(rates_[i].direction)].emplace_back(rates_[i].prefix,
                                                                            group);
        group_begin_.push_back(static_cast<std::uint32_t>(i));
    }
    group_begin_.push_back(static_cast<std::uint32_t>(rates_.size()));
    for (std::size_t direction = 0; direction < index_.size(); ++direction) {
        index_[direction] = prefix_index(entries[direction]);
    }
}

rate const* tariff::in_effect(std::uint32_t group, ingest::time_us when) const noexcept {
    for (std::uint32_t i = group_begin_[group]; i < group_begin_[group + 1]; ++i) {
        if (rates_[i].effective_from <= when && when < rates_[i].effective_to) {
            return &rates_[i];
        }
    }
    return nullptr;
}

rate const* tariff::find(std::string_view digits, ingest::call_direction direction,
                         ingest::time_us when) const noexcept {
    prefix_index const& index = index_[static_cast<std::size_t>(direction)];
    // Nearly always the longest prefix has a rate in effect; only otherwise are all of them asked.
    std::uint32_t const longest = index.longest(digits);
    if (longest == prefix_index::none) {
        return nullptr;
    }
    if (rate const* const found = in_effect(longest, when)) {
        return found;
    }
    prefix_index::matches matches;
    index.all(digits, matches);
    for (std::uint32_t i = matches.count - 1; i > 0; --i) {
        if (rate const* const found = in_effect(matches.values[i - 1], when)) {
            return found;
        }
    }
    return nullptr;
}

} // namespace tally::rating
