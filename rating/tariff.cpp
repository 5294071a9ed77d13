#include "rating/tariff.hpp"

#include "rating/exact_cost.hpp"

#include <algorithm>
#include <limits>
#include <map>
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
    : tariff(content{std::move(head), std::move(rates), {}, {}, nullptr}) {}

tariff::tariff(content of)
    : head_(std::move(of.head)), bands_(std::move(of.bands)), metrics_(std::move(of.metrics)),
      fallback_(std::move(of.fallback)), rates_(std::move(of.rates)) {
    if (head_.how.decimals > 9) {
        throw std::invalid_argument("plan '" + head_.code + "': decimals must be 0 to 9");
    }
    if (rates_.size() >= std::numeric_limits<std::uint32_t>::max()) {
        throw std::length_error("plan '" + head_.code + "' has too many rates");
    }
    std::for_each(rates_.begin(), rates_.end(), check);
    // Stable: of two alike in everything the first given is the one that is found.
    std::stable_sort(rates_.begin(), rates_.end(), in_order);
    build_terms();
    build_index();
}

void tariff::build_terms() {
    // Decks have many prefixes and few prices: steps kept once stay in the cache.
    auto const before = [](std::vector<rate_step> const* a, std::vector<rate_step> const* b) {
        return std::lexicographical_compare(
            a->begin(), a->end(), b->begin(), b->end(), [](rate_step const& x, rate_step const& y) {
                return std::tie(x.from_s, x.unit_s, x.increment_s, x.price) <
                       std::tie(y.from_s, y.unit_s, y.increment_s, y.price);
            });
    };
    std::map<std::vector<rate_step> const*, std::size_t, decltype(before)> known(before);
    terms_.reserve(rates_.size());
    for (rate const& r : rates_) {
        auto const [at, is_new] = known.try_emplace(&r.steps, steps_.size());
        if (is_new) {
            steps_.insert(steps_.end(), r.steps.begin(), r.steps.end());
        }
        rate const* const next = &r == &rates_.back() ? nullptr : &r + 1;
        terms_.push_back({r.effective_from, r.effective_to, r.connect_fee, r.minimum, r.maximum,
                          r.grace_s, static_cast<std::uint32_t>(at->second),
                          static_cast<std::uint32_t>(r.steps.size()), r.allowance,
                          next == nullptr || !same_group(r, *next)});
    }
    if (steps_.size() >= no_place) {
        throw std::length_error("plan '" + head_.code + "' has too many steps");
    }
    steps_.shrink_to_fit();
}

void tariff::build_index() {
    std::array<std::vector<std::pair<std::string_view, std::uint32_t>>, 2> firsts;
    for (std::size_t i = 0; i < rates_.size(); ++i) {
        if (i == 0 || terms_[i - 1].is_last_of_prefix) {
            firsts[static_cast<std::size_t>(rates_[i].direction)].emplace_back(
                rates_[i].prefix, static_cast<std::uint32_t>(i));
        }
    }
    for (std::size_t direction = 0; direction < index_.size(); ++direction) {
        index_[direction] = prefix_index(firsts[direction]);
    }
}

std::uint32_t tariff::in_effect(std::uint32_t first, ingest::time_us when) const noexcept {
    for (std::uint32_t place = first;; ++place) {
        rate_terms const& terms = terms_[place];
        if (terms.effective_from <= when && when < terms.effective_to) {
            return place;
        }
        if (terms.is_last_of_prefix) {
            return no_place;
        }
    }
}

std::uint32_t tariff::find_place(std::string_view digits, ingest::call_direction direction,
                                 ingest::time_us when) const noexcept {
    prefix_index const& index = index_[static_cast<std::size_t>(direction)];
    // Nearly always the longest prefix has a rate in effect; only otherwise are all of them asked.
    std::uint32_t const longest = index.longest(digits);
    if (longest == prefix_index::none) {
        return no_place;
    }
    std::uint32_t found = in_effect(longest, when);
    if (found != no_place) {
        return found;
    }
    prefix_index::matches matches;
    index.all(digits, matches);
    for (std::uint32_t i = matches.count - 1; i > 0 && found == no_place; --i) {
        found = in_effect(matches.values[i - 1], when);
    }
    return found;
}

rate const* tariff::find(std::string_view digits, ingest::call_direction direction,
                         ingest::time_us when) const noexcept {
    std::uint32_t const place = find_place(digits, direction, when);
    return place == no_place ? nullptr : &rates_[place];
}

} // namespace tally::rating
