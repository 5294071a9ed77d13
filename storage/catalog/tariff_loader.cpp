#include "storage/catalog/tariff_loader.hpp"

#include "rating/clock/calendar.hpp"
#include "storage/catalog/tariff_rows.hpp"

#include <algorithm>
#include <map>
#include <stdexcept>
#include <string>

namespace tally::storage {

namespace {

/// Builds tariffs from plans, each with its fallback and without the parts that a tariff refuses.
class tariff_builder {
  public:
    tariff_builder(std::vector<plan_row> plans, load_warnings& warnings)
        : plans_(std::move(plans)), warnings_(warnings), built_(plans_.size()) {}

    loaded_tariffs build();

  private:
    static constexpr std::size_t nowhere = SIZE_MAX;

    void find_fallbacks();
    void leave_out_cycles();
    [[nodiscard]] bool leads_back(std::size_t plan) const;
    [[nodiscard]] bool knows_zone(std::string const& zone);
    void build_with_fallbacks(std::size_t plan);
    void build_one(std::size_t plan);
    void take_fallback(std::size_t plan);
    void drop_bad_parts(rating::tariff::content& content);
    void warn(rating::tariff::content const& content, std::string const& text) {
        warnings_.add("plan '" + content.head.code + "'" + text);
    }

    std::vector<plan_row> plans_;
    load_warnings& warnings_;
    std::vector<std::shared_ptr<rating::tariff const>> built_; ///< by plan; nullptr: left out
    std::vector<std::size_t> fallbacks_;                       ///< by plan
    std::vector<bool> is_done_;
    std::map<std::string, bool, std::less<>> zones_;
};

bool tariff_builder::knows_zone(std::string const& zone) {
    // A zone is read from the system's files once, however many plans have it.
    auto const [found, is_new] = zones_.try_emplace(zone, true);
    if (is_new) {
        try {
            rating::calendar{zone};
        } catch (std::invalid_argument const&) {
            found->second = false;
        }
    }
    return found->second;
}

void tariff_builder::find_fallbacks() {
    std::map<ingest::uuid, std::size_t> indices;
    for (std::size_t i = 0; i < plans_.size(); ++i) {
        indices.emplace(plans_[i].content.head.plan_id, i);
    }
    for (auto const& plan : plans_) {
        auto const found = plan.fallback_id ? indices.find(*plan.fallback_id) : indices.end();
        fallbacks_.push_back(found == indices.end() ? nowhere : found->second);
    }
}

bool tariff_builder::leads_back(std::size_t plan) const {
    std::size_t index = fallbacks_[plan];
    // After as many steps as there are plans, the chain is in a cycle that `plan` is not part of.
    for (std::size_t i = 0; i < plans_.size() && index != nowhere && index != plan; ++i) {
        index = fallbacks_[index];
    }
    return index == plan;
}

/// Removes the fallback of every plan in a cycle: there is no way to say which one is wrong.
void tariff_builder::leave_out_cycles() {
    // Found first and removed then: each plan of a cycle is named in a warning, not only the first.
    std::vector<std::size_t> in_circles;
    for (std::size_t i = 0; i < plans_.size(); ++i) {
        if (fallbacks_[i] != nowhere && leads_back(i)) {
            in_circles.push_back(i);
        }
    }
    for (std::size_t const i : in_circles) {
        warn(plans_[i].content, ": its fallback plan is not asked: it leads back to this one");
        fallbacks_[i] = nowhere;
    }
}

/// Checks each part by itself, since only the tariff knows its rules. Rates name bands by index, so
/// a bad band is not removed: it becomes an empty band, and its rates are removed.
void tariff_builder::drop_bad_parts(rating::tariff::content& content) {
    auto const is_bad = [&](rating::tariff::content part) {
        try {
            part.head = content.head;
            rating::tariff::check(part);
            return false;
        } catch (std::exception const& error) {
            warn(content, std::string{": left out: "} + error.what());
            return true;
        }
    };

    // Bands first: a rate of a bad band goes with it.
    for (rating::band_index index = 0; index < content.bands.size(); ++index) {
        auto& band = content.bands[index];
        if (is_bad({{}, {}, {band}, {}, nullptr})) {
            band = {};
            std::erase_if(content.rates, [&](rating::rate const& r) { return r.band == index; });
        }
    }
    // A rate is checked without its band, which is not in the content that is checked here.
    std::erase_if(content.rates, [&](rating::rate const& r) {
        rating::rate alone = r;
        alone.band = rating::any_band;
        return is_bad({{}, {std::move(alone)}, {}, {}, nullptr});
    });
    std::erase_if(content.metrics, [&](rating::metric_price const& m) {
        return is_bad({{}, {}, {}, {m}, nullptr});
    });
}

void tariff_builder::take_fallback(std::size_t plan) {
    auto& content = plans_[plan].content;
    if (fallbacks_[plan] == nowhere) {
        return;
    }
    auto const& fallback = built_[fallbacks_[plan]];

    // The cost of a call is in the currency of the subscriber's plan, so a fallback must share it
    // (R10).
    if (!fallback) {
        warn(content, ": its fallback plan is not asked: it is left out");
    } else if (fallback->head().currency != content.head.currency) {
        warn(content, ": its fallback plan '" + fallback->head().code +
                          "' is not asked: it is of another currency");
    } else {
        content.fallback = fallback;
    }
}

void tariff_builder::build_one(std::size_t plan) {
    auto& content = plans_[plan].content;
    if (!knows_zone(content.head.time_zone)) {
        warn(content, " is left out: no time zone '" + content.head.time_zone + "'");
        return;
    }

    // Checking part by part is slow, so it is done only for a plan that has some bad part.
    take_fallback(plan);
    try {
        rating::tariff::check(content);
    } catch (std::exception const&) {
        drop_bad_parts(content);
    }

    // The tariff checks all parts together once more: what is wrong only as a whole leaves the plan
    // out.
    std::string const code = content.head.code; // `content` is moved from, even on an exception
    try {
        built_[plan] = std::make_shared<rating::tariff const>(std::move(content));
    } catch (std::exception const& error) {
        warnings_.add("plan '" + code + "' is left out: " + error.what());
    }
}

/// Builds the plan's chain of fallbacks first. A loop, not a recursion: the chain may be as long as
/// there are plans.
void tariff_builder::build_with_fallbacks(std::size_t plan) {
    std::vector<std::size_t> chain;
    for (std::size_t index = plan; index != nowhere && !is_done_[index];
         index = fallbacks_[index]) {
        chain.push_back(index);
    }
    for (auto found = chain.rbegin(); found != chain.rend(); ++found) {
        build_one(*found);
        is_done_[*found] = true;
    }
}

loaded_tariffs tariff_builder::build() {
    // A tariff points to its fallback, which must be built before it.
    find_fallbacks();
    leave_out_cycles();
    is_done_.resize(plans_.size());
    for (std::size_t i = 0; i < plans_.size(); ++i) {
        build_with_fallbacks(i);
    }

    // Plans that are left out have no index; what names them is left out with a warning of its own.
    loaded_tariffs out;
    for (auto& tariff : built_) {
        if (tariff) {
            out.indices.emplace(tariff->head().plan_id,
                                static_cast<rating::catalog_index>(out.plans.size()));
            out.plans.push_back(std::move(tariff));
        }
    }
    return out;
}

} // namespace

expected<loaded_tariffs> load_tariffs(pq_connection& connection, load_warnings& warnings) {
    tariff_rows rows{connection, warnings};
    result status = rows.read();
    if (!status.ok()) {
        return status;
    }
    return tariff_builder{std::move(rows.plans()), warnings}.build();
}

} // namespace tally::storage
