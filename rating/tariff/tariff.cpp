#include "rating/tariff/tariff.hpp"

#include "rating/money/exact_cost.hpp"
#include "rating/tariff/metric_check.hpp"

#include <algorithm>
#include <boost/container_hash/hash.hpp>
#include <boost/unordered/unordered_flat_map.hpp>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <tuple>
#include <utility>

namespace tally::rating {

namespace {

[[noreturn]] void refuse(rate const& bad, std::string const& reason) {
    throw std::invalid_argument("rate " + ingest::to_string(bad.id) + " (prefix '" + bad.prefix +
                                "', '" + bad.name + "'): " + reason);
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

        // A step ends where the next one begins.
        if (i > 0 && step.from_s <= r.steps[i - 1].from_s) {
            refuse(r, "steps must be in the order of their from_s");
        }

        // The sum of a call is kept over the common multiple of the units (exact_cost), so each
        // rate's units must have one.
        auto const common = common_denominator(denominator, step.unit_s);
        if (!common) {
            refuse(r, "the units of its steps have no common multiple below 2^62");
        }
        denominator = *common;
    }
}

void check_rate(rate const& r) {
    if (r.prefix.size() > prefix_index::digits_max ||
        r.prefix.find_first_not_of("0123456789") != std::string::npos) {
        refuse(r, "the prefix must be at most 32 digits");
    }
    check_steps(r);
}

/// Hashes lists of steps by content, not by address.
struct steps_hash {
    std::size_t operator()(std::vector<rate_step> const* steps) const noexcept {
        std::size_t seed = 0;
        for (rate_step const& step : *steps) {
            boost::hash_combine(seed, step.from_s);
            boost::hash_combine(seed, step.unit_s);
            boost::hash_combine(seed, step.increment_s);
            boost::hash_combine(seed, step.price.nanos);
        }
        return seed;
    }
};

struct steps_equal {
    bool operator()(std::vector<rate_step> const* a,
                    std::vector<rate_step> const* b) const noexcept {
        return *a == *b;
    }
};

/// Direction and reach (on-net or not) are independent, so there are four sets of prefixes.
std::size_t index_of(ingest::call_direction direction, bool on_net) noexcept {
    return static_cast<std::size_t>(direction) * 2 + (on_net ? 1U : 0U);
}

bool same_group(rate const& a, rate const& b) noexcept {
    return a.direction == b.direction && a.is_on_net == b.is_on_net && a.prefix == b.prefix;
}

} // namespace

tariff::tariff(header head, std::vector<rate> rates)
    : tariff(content{std::move(head), std::move(rates), {}, {}, nullptr}) {}

tariff::tariff(content parts)
    : head_((check(parts), std::move(parts.head))), bands_(std::move(parts.bands)),
      metrics_(std::move(parts.metrics)), fallback_(std::move(parts.fallback)),
      rates_(std::move(parts.rates)) {
    if (!bands_.empty()) {
        clock_ = band_clock(head_.time_zone, bands_);
    }
    prepare_metrics(metrics_);
    asks_on_net_ =
        (fallback_ && fallback_->asks_on_net_) ||
        std::any_of(rates_.begin(), rates_.end(), [](rate const& r) { return r.is_on_net; });

    // In this order: terms and index refer to the sorted rates.
    build_order();
    build_terms();
    build_index();
}

void tariff::check(content const& parts) {
    // Called before any member is built, so that a plan which cannot be charged never exists.
    auto const plan = "plan '" + parts.head.code + "'";
    if (parts.head.rounding_mode.decimals > 9) {
        throw std::invalid_argument(plan + ": decimals must be 0 to 9");
    }
    if (parts.rates.size() >= std::numeric_limits<std::uint32_t>::max()) {
        throw std::length_error(plan + " has too many rates");
    }

    // One call has one currency: its fee and its increments are added up.
    if (parts.fallback && parts.fallback->head_.currency != parts.head.currency) {
        throw std::invalid_argument(plan + ": its fallback plan '" + parts.fallback->head_.code +
                                    "' is of another currency");
    }

    // The constructor of band_clock checks the zone and the bands.
    if (!parts.bands.empty()) {
        band_clock(parts.head.time_zone, parts.bands);
    }
    std::for_each(parts.metrics.begin(), parts.metrics.end(), check_metric);
    for (rate const& r : parts.rates) {
        check_rate(r);
        if (r.band != any_band && r.band >= parts.bands.size()) {
            refuse(r, "its band does not exist");
        }
    }
}

void tariff::build_order() {
    // Rank the bands by weight. The sort is stable: of two bands of one weight the first in the
    // plan's list ranks first.
    std::vector<band_index> by_weight(bands_.size());
    std::iota(by_weight.begin(), by_weight.end(), band_index{0});
    std::stable_sort(by_weight.begin(), by_weight.end(), [this](band_index a, band_index b) {
        return bands_[a].weight > bands_[b].weight;
    });
    std::vector<band_index> ranks(bands_.size());
    for (band_index rank = 0; rank < by_weight.size(); ++rank) {
        ranks[by_weight[rank]] = rank;
    }
    auto const rank_of = [&ranks](rate const& r) {
        return r.band == any_band ? any_band : ranks[r.band];
    };

    // The order of the class comment: group, then band, then the newest version first.
    auto const is_before = [&](std::uint32_t i, std::uint32_t j) {
        rate const& a = rates_[i];
        rate const& b = rates_[j];
        return std::forward_as_tuple(a.direction, a.is_on_net, a.prefix, rank_of(a),
                                     b.effective_from) <
               std::forward_as_tuple(b.direction, b.is_on_net, b.prefix, rank_of(b),
                                     a.effective_from);
    };

    // Sort indices instead of rates, which are large. The sort is stable: of two rates that are
    // equal in everything, the first one given is the one that is found.
    std::vector<std::uint32_t> order(rates_.size());
    std::iota(order.begin(), order.end(), 0U);
    std::stable_sort(order.begin(), order.end(), is_before);

    std::vector<rate> sorted;
    sorted.reserve(rates_.size());
    for (std::uint32_t const index : order) {
        sorted.push_back(std::move(rates_[index]));
    }
    rates_ = std::move(sorted);
}

void tariff::build_terms() {
    // A deck has many prefixes and few prices. Equal lists of steps are stored once, so that they
    // stay in the cache. The map is reserved because growing would hash all lists again.
    boost::unordered_flat_map<std::vector<rate_step> const*, std::size_t, steps_hash, steps_equal>
        known;
    known.reserve(rates_.size());

    terms_.reserve(rates_.size());
    for (rate const& r : rates_) {
        auto const [found, is_new] = known.try_emplace(&r.steps, steps_.size());
        if (is_new) {
            steps_.insert(steps_.end(), r.steps.begin(), r.steps.end());
        }
        terms_.push_back({r.effective_from, r.effective_to, r.connect_fee, r.minimum, r.maximum,
                          r.grace_s, static_cast<std::uint32_t>(found->second),
                          static_cast<std::uint32_t>(r.steps.size()), r.allowance, false, false,
                          r.band});
    }

    if (steps_.size() >= rate_index::none) {
        throw std::length_error("plan '" + head_.code + "' has too many steps");
    }
    steps_.shrink_to_fit();
}

void tariff::build_index() {
    // The rates are in order, so a group ends where the next rate differs in its key.
    std::array<std::vector<std::pair<std::string_view, std::uint32_t>>, 4> firsts;
    for (std::size_t first = 0; first < rates_.size();) {
        std::size_t end = first;
        bool is_banded = false;
        for (; end < rates_.size() && same_group(rates_[first], rates_[end]); ++end) {
            is_banded = is_banded || rates_[end].band != any_band;
        }
        // Every rate of the group knows whether any is banded: only then the clock is asked.
        for (std::size_t i = first; i < end; ++i) {
            terms_[i].is_banded = is_banded;
        }
        terms_[end - 1].is_last_of_prefix = true;

        // The index leads from a prefix to the first rate of its group.
        rate const& r = rates_[first];
        firsts[index_of(r.direction, r.is_on_net)].emplace_back(r.prefix,
                                                                static_cast<std::uint32_t>(first));
        first = end;
    }

    for (std::size_t i = 0; i < index_.size(); ++i) {
        index_[i] = prefix_index(firsts[i]);
    }
}

// The rate of the group at `first` that is in effect at `time`, whatever its band.
rate_index tariff::in_effect(std::uint32_t first, ingest::time_us time) const noexcept {
    for (std::uint32_t index = first;; ++index) {
        rate_terms const& terms = terms_[index];
        if (terms.effective_from <= time && time < terms.effective_to) {
            return {index, first};
        }
        if (terms.is_last_of_prefix) {
            return {};
        }
    }
}

rate_index tariff::holding(std::uint32_t first, ingest::time_us time,
                           ingest::time_us moment) const noexcept {
    // The order of a group makes the first rate that fits the right one.
    clock_reading const now = clock_.read(moment);
    for (std::uint32_t index = first;; ++index) {
        rate_terms const& terms = terms_[index];
        if (terms.effective_from <= time && time < terms.effective_to &&
            (terms.band == any_band || clock_.covers(terms.band, now))) {
            return {index, first, now.until};
        }
        if (terms.is_last_of_prefix) {
            return {};
        }
    }
}

rate_index tariff::find_index(std::string_view digits, ingest::call_direction direction,
                              ingest::time_us time, bool on_net) const noexcept {
    prefix_index const& index = index_[index_of(direction, on_net)];

    // The longest prefix nearly always has a rate in effect. Only otherwise are the shorter ones
    // tried, since finding all prefixes takes much longer.
    std::uint32_t const longest = index.longest(digits);
    if (longest == prefix_index::none) {
        return {};
    }
    rate_index found = in_effect(longest, time);
    if (!found) {
        prefix_index::matches matches;
        index.all(digits, matches);
        for (std::uint32_t i = matches.count - 1; i > 0 && !found; --i) {
            found = in_effect(matches.values[i - 1], time);
        }
    }

    // The prefix is decided by now. Bands choose among its rates; a moment that none of its bands
    // covers has no rate, and a shorter prefix is not tried.
    return found && terms_[found.index].is_banded ? holding(found.first, time, time) : found;
}

rate const* tariff::find(std::string_view digits, ingest::call_direction direction,
                         ingest::time_us time, bool on_net) const noexcept {
    rate_index const index = find_index(digits, direction, time, on_net);
    return index ? &rates_[index.index] : nullptr;
}

metric_price const* tariff::find_metric(std::string_view name,
                                        ingest::time_us time) const noexcept {
    tariff const* plan = this;
    // As for rates: the plan, then its fallbacks, of which there are at most fallbacks_max.
    for (int asked = 0; plan != nullptr && asked <= fallbacks_max; ++asked) {
        auto const& metrics = plan->metrics_;

        // The first version of the name; the others follow it.
        auto found = std::lower_bound(
            metrics.begin(), metrics.end(), name,
            [](metric_price const& price, std::string_view wanted) { return price.name < wanted; });
        // The newest version first, so the first one that is in effect is the right one.
        for (; found != metrics.end() && found->name == name; ++found) {
            if (found->effective_from <= time && time < found->effective_to) {
                return &*found;
            }
        }
        plan = plan->fallback_.get();
    }
    return nullptr;
}

} // namespace tally::rating
