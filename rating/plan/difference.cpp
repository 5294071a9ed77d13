#include "rating/plan/difference.hpp"

#include "rating/plan/rules.hpp"
#include "rating/plan/values.hpp"

#include <numeric>
#include <tuple>

namespace tally::rating {

namespace {

/// Whether two versions of a rate charge the same. Name, id and times do not charge.
bool same_terms(rate const& a, rate const& b) {
    return a.call_type == b.call_type && a.allowance == b.allowance && a.grace_s == b.grace_s &&
           a.connect_fee == b.connect_fee && a.minimum == b.minimum && a.maximum == b.maximum &&
           a.steps == b.steps;
}

/// Whether two versions of a metric's price are equal except for id and times.
bool same_terms(metric_price const& a, metric_price const& b) {
    metric_price same = a;
    same.id = b.id;
    same.effective_from = b.effective_from;
    same.effective_to = b.effective_to;
    return same == b;
}

std::tuple<std::string const&> key_of(metric_price const& m) noexcept {
    return {m.name};
}

/// The versions sorted by key. The sort is stable, so versions of one key keep their order.
template <typename Version>
std::vector<Version const*> by_key(std::vector<Version> const& all) {
    std::vector<Version const*> order;
    order.reserve(all.size());
    for (auto const& each : all) {
        order.push_back(&each);
    }
    std::ranges::stable_sort(
        order, [](Version const* a, Version const* b) { return key_of(*a) < key_of(*b); });
    return order;
}

/// Merges the two lists key by key, and compares the versions of each key.
template <typename Version>
void match_all(std::vector<Version> const& stored, std::vector<Version> const& wanted,
               ingest::time_us now, bool is_new, version_changes<Version>& out) {
    // Versions without a begin apply to the past only if nothing was charged by the plan before.
    auto const history = is_new           ? past_of_plan::none
                         : stored.empty() ? past_of_plan::empty
                                          : past_of_plan::kept;

    // Both lists in the order of the key, so that one pass meets each key once.
    auto const old = by_key(stored);
    auto const fresh = by_key(wanted);
    std::size_t i = 0;
    std::size_t j = 0;
    auto const end_of_key = [](auto const& list, std::size_t begin, Version const& like) {
        while (begin < list.size() && key_of(*list[begin]) == key_of(like)) {
            ++begin;
        }
        return begin;
    };

    // A key may be in one list only: its versions are then all added or all ended.
    while (i < old.size() || j < fresh.size()) {
        bool const is_old_first =
            j == fresh.size() || (i < old.size() && key_of(*old[i]) < key_of(*fresh[j]));
        Version const& like = is_old_first ? *old[i] : *fresh[j];
        auto const old_end = end_of_key(old, i, like);
        auto const fresh_end = end_of_key(fresh, j, like);

        // Versions matter only to those of their own key.
        version_matcher matcher{
            std::span{old}.subspan(i, old_end - i),
            std::span{fresh}.subspan(j, fresh_end - j),
            now,
            history,
            out,
            [](Version const& a, Version const& b) { return same_terms(a, b); }};
        matcher.match();
        i = old_end;
        j = fresh_end;
    }
}

std::string text_of(std::optional<amount> const& value) {
    return value ? to_string(*value) : std::string{};
}

std::string text_of(bool value) {
    return value ? "true" : "false";
}

/// The columns of a plan, named by the keys of the plan file.
std::vector<std::pair<std::string, std::string>> head_texts(plan_definition const& plan) {
    // In the order in which a plan file has them, for people who compare the two.
    return {{"name", plan.name},
            {"description", plan.description},
            {"currency", plan.currency},
            {"timezone", plan.time_zone},
            {"monthly_price", to_string(plan.monthly_price)},
            {"annual_price", text_of(plan.annual_price)},
            {"included_minutes", std::to_string(plan.included_minutes)},
            {"included_dids", std::to_string(plan.included_dids)},
            {"max_concurrent_calls",
             plan.max_concurrent_calls ? std::to_string(*plan.max_concurrent_calls) : ""},
            {"rounding", std::string{name_of(rounding_names, plan.rounding_mode.mode)}},
            {"decimals", std::to_string(plan.rounding_mode.decimals)},
            {"split_at_bands", text_of(plan.split_at_bands)},
            {"fallback", plan.fallback},
            {"features", plan.features},
            {"tier", plan.tier},
            {"billing_interval", plan.billing_interval},
            {"display_order", std::to_string(plan.display_order)}};
}

void compare_heads(plan_definition const* before, plan_definition const& after,
                   plan_difference& out) {
    // As texts, the form in which the changes are shown.
    auto const old = head_texts(before != nullptr ? *before : plan_definition{});
    auto const fresh = head_texts(after);
    for (std::size_t i = 0; before != nullptr && i < fresh.size(); ++i) {
        if (old[i].second != fresh[i].second) {
            out.head.push_back({fresh[i].first, old[i].second, fresh[i].second});
        }
    }
}

/// Which bands some rate refers to.
std::vector<bool> named_bands(plan_definition const& plan) {
    std::vector<bool> named(plan.bands.size());
    for (auto const& each : plan.rates) {
        if (each.band < named.size()) {
            named[each.band] = true;
        }
    }
    return named;
}

/// Removes bands that are not wanted, unless a rate that remains refers to them. Rates that have
/// ended remain, since they explain stored calls.
void remove_bands(plan_definition before, plan_difference& out) {
    std::vector<ingest::uuid> removed;
    for (auto const& each : out.rates.removed) {
        removed.push_back(each.id);
    }
    std::ranges::sort(removed);
    std::erase_if(before.rates, [&](rate const& each) {
        return !removed.empty() && std::ranges::binary_search(removed, each.id);
    });

    auto const named = named_bands(before);
    for (band_index index = 0; index < out.stored_bands; ++index) {
        if (std::ranges::find(out.order, index) == out.order.end() && !named[index]) {
            out.removed_bands.push_back(index);
        }
    }
}

void compare_bands(plan_definition const& before, plan_definition const& after,
                   plan_difference& out) {
    // Bands are identified by name. A changed band keeps its index, since stored rates refer to it.
    out.bands = before.bands;
    out.stored_bands = before.bands.size();
    for (auto const& each : after.bands) {
        auto const found = std::ranges::find(out.bands, each.name, &band::name);
        auto const index = static_cast<band_index>(found - out.bands.begin());
        out.order.push_back(index);
        if (found == out.bands.end()) {
            out.bands.push_back(each);
        } else if (*found != each) {
            *found = each;
            out.changed_bands.push_back(index);
        }
    }
    out.is_reordered = out.bands.size() > out.stored_bands || !std::ranges::is_sorted(out.order);
}

} // namespace

plan_difference difference_of(stored_plan const* stored, plan_definition const& wanted,
                              ingest::time_us now) {
    static stored_plan const none;
    plan_definition const& before = stored != nullptr ? stored->plan : none.plan;
    plan_difference out;
    out.is_new = stored == nullptr;
    compare_heads(stored != nullptr ? &before : nullptr, wanted, out);
    compare_bands(before, wanted, out);

    // The file's rates refer to the file's bands; from here on they refer to those of `out`.
    auto rates = wanted.rates;
    for (auto& each : rates) {
        each.band = each.band == any_band ? any_band : out.order[each.band];
    }
    match_all(before.rates, rates, now, out.is_new, out.rates);

    // Which bands remain depends on the rates that are removed.
    if (!before.bands.empty()) {
        remove_bands(before, out);
    }
    match_all(before.metrics, wanted.metrics, now, out.is_new, out.metrics);
    return out;
}

plan_definition in_effect_from(stored_plan const& stored, ingest::time_us now) {
    plan_definition plan = stored.plan;
    auto const has_ended = [now](auto const& each) { return each.effective_to <= now; };
    auto const ever_named = named_bands(plan);
    std::erase_if(plan.rates, has_ended);
    std::erase_if(plan.metrics, has_ended);

    // Keep bands of the remaining rates, and bands that no rate ever used: a plan file may define
    // such bands, and export must not lose them.
    auto const named = named_bands(plan);
    std::vector<band_index> kept_indices(plan.bands.size(), any_band);
    std::vector<band> bands;
    for (std::size_t i = 0; i < plan.bands.size(); ++i) {
        if (named[i] || !ever_named[i]) {
            kept_indices[i] = static_cast<band_index>(bands.size());
            bands.push_back(std::move(plan.bands[i]));
        }
    }
    plan.bands = std::move(bands);

    // A plan file has no ids, and its rates refer to the bands that were kept.
    for (auto& each : plan.rates) {
        each.id = {};
        each.band = each.band == any_band ? any_band : kept_indices[each.band];
    }
    for (auto& each : plan.metrics) {
        each.id = {};
    }
    put_in_order(plan);
    return plan;
}

} // namespace tally::rating
