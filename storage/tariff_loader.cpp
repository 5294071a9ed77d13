#include "storage/tariff_loader.hpp"

#include "rating/calendar.hpp"
#include "storage/copy_reader.hpp"

#include <algorithm>
#include <map>
#include <stdexcept>

namespace tally::storage {

namespace {

constexpr char const* plans_sql =
    "COPY (SELECT p.id, p.code, p.currency, p.time_zone, p.rounding, p.decimals,"
    " p.included_minutes, p.fallback_plan_id IS NOT NULL,"
    " EXISTS (SELECT FROM billing.rates AS r WHERE r.rate_plan_id = p.id"
    " AND (r.rate_band_id IS NOT NULL OR r.is_on_net))"
    " FROM billing.rate_plans AS p WHERE p.deleted_at IS NULL"
    " OR EXISTS (SELECT FROM billing.subscriptions AS s WHERE s.rate_plan_id = p.id)"
    " ORDER BY p.code) TO STDOUT (FORMAT binary)";

constexpr char const* destinations_sql =
    "COPY (SELECT prefix, name, call_type FROM billing.destinations) TO STDOUT (FORMAT binary)";

// Rates and steps in one order, so that they are joined by walking along both.
constexpr char const* rates_sql =
    "COPY (SELECT id, rate_plan_id, prefix, name, call_type, direction, allowance, grace_s,"
    " connect_fee, minimum, maximum, effective_from, effective_to FROM billing.rates"
    " WHERE rate_band_id IS NULL AND NOT is_on_net ORDER BY id) TO STDOUT (FORMAT binary)";

constexpr char const* steps_sql =
    "COPY (SELECT rate_id, from_s, unit_s, increment_s, price FROM billing.rate_steps"
    " ORDER BY rate_id, from_s) TO STDOUT (FORMAT binary)";

rating::rounding_mode rounding_of(std::string_view label) noexcept {
    if (label == "up") {
        return rating::rounding_mode::up;
    }
    if (label == "down") {
        return rating::rounding_mode::down;
    }
    return label == "half_even" ? rating::rounding_mode::half_even : rating::rounding_mode::half_up;
}

struct plan_row {
    rating::tariff::header head;
    std::vector<rating::rate> rates;
};

struct rate_row {
    rating::rate value;
    std::size_t plan = 0;
    bool is_usable = true; ///< its amounts fit
};

/// Names and call types by number prefix.
struct destinations {
    struct entry {
        std::string prefix;
        std::string name;
        std::string call_type;
    };
    std::vector<entry> entries;
    rating::prefix_index index;

    void build() {
        std::vector<std::pair<std::string_view, std::uint32_t>> pairs;
        for (auto const& each : entries) {
            pairs.emplace_back(each.prefix, static_cast<std::uint32_t>(pairs.size()));
        }
        index = rating::prefix_index{pairs};
    }
    void complete(rating::rate& rate) const {
        if (!rate.name.empty() && !rate.call_type.empty()) {
            return;
        }
        std::uint32_t const found = index.longest(rate.prefix);
        if (found == rating::prefix_index::none) {
            return;
        }
        rate.name = rate.name.empty() ? entries[found].name : rate.name;
        rate.call_type = rate.call_type.empty() ? entries[found].call_type : rate.call_type;
    }
};

class tariff_reader {
  public:
    tariff_reader(pq_connection& on, load_warnings& warnings) : on_(on), warnings_(warnings) {}

    result read();
    void build(loaded_tariffs& out);

  private:
    void take_plan(copy_fields row);
    void take_rate(copy_fields row);
    void take_step(copy_fields row);
    bool knows_zone(std::string const& zone);
    void give_rates_to_plans();
    std::shared_ptr<rating::tariff const> tariff_of(plan_row& plan);
    void drop_bad_rates(plan_row& plan);

    pq_connection& on_;
    load_warnings& warnings_;
    std::vector<plan_row> plans_;
    std::map<ingest::uuid, std::size_t> plan_places_;
    destinations destinations_;
    std::vector<rate_row> rates_;
    std::size_t at_rate_ = 0; ///< the rate that the next step may belong to
    std::map<std::string, bool, std::less<>> zones_;
};

bool tariff_reader::knows_zone(std::string const& zone) {
    auto const [place, is_new] = zones_.try_emplace(zone, true);
    if (is_new) {
        try {
            rating::calendar{zone};
        } catch (std::invalid_argument const&) {
            place->second = false;
        }
    }
    return place->second;
}

void tariff_reader::take_plan(copy_fields row) {
    rating::tariff::header head;
    head.plan_id = row.uuid();
    head.code = row.text();
    std::string_view const currency = row.text();
    std::copy_n(currency.begin(), std::min(currency.size(), head.currency.size()),
                head.currency.begin());
    head.time_zone = row.text();
    head.how.mode = rounding_of(row.text());
    head.how.decimals = static_cast<std::uint8_t>(row.int16());
    head.included_s = static_cast<std::int64_t>(row.int32()) * 60;
    if (row.boolean()) {
        warnings_.add("plan '" + head.code + "': its fallback plan is not asked");
    }
    if (row.boolean()) {
        warnings_.add("plan '" + head.code + "': rates with a band and on-net rates are left out");
    }
    if (!knows_zone(head.time_zone)) {
        warnings_.add("plan '" + head.code + "' is left out: no time zone '" + head.time_zone +
                      "'");
        return;
    }
    plan_places_.emplace(head.plan_id, plans_.size());
    plans_.push_back({std::move(head), {}});
}

void tariff_reader::take_rate(copy_fields row) {
    rate_row taken;
    rating::rate& rate = taken.value;
    rate.id = row.uuid();
    auto const plan = plan_places_.find(row.uuid());
    if (plan == plan_places_.end()) {
        return;
    }
    taken.plan = plan->second;
    rate.prefix = row.text();
    rate.name = row.text();
    rate.call_type = row.text();
    rate.direction = row.text() == "inbound" ? ingest::call_direction::inbound
                                             : ingest::call_direction::outbound;
    rate.allowance = row.boolean();
    rate.grace_s = static_cast<std::uint32_t>(std::max(row.int32(), 0));
    auto const fee = wire::get_numeric(row.text());
    auto const minimum = wire::get_numeric(row.text());
    auto const maximum_field = row.next();
    auto const maximum = maximum_field ? wire::get_numeric(*maximum_field) : rate.maximum;
    taken.is_usable = fee && minimum && maximum;
    rate.connect_fee = fee.value_or(rating::amount{});
    rate.minimum = minimum.value_or(rating::amount{});
    rate.maximum = maximum.value_or(rating::amount{});
    rate.effective_from = row.time(INT64_MIN);
    rate.effective_to = row.time(INT64_MAX);
    destinations_.complete(rate);
    rates_.push_back(std::move(taken));
}

void tariff_reader::take_step(copy_fields row) {
    ingest::uuid const rate_id = row.uuid();
    while (at_rate_ < rates_.size() && rates_[at_rate_].value.id < rate_id) {
        ++at_rate_;
    }
    if (at_rate_ == rates_.size() || rates_[at_rate_].value.id != rate_id) {
        return; // of a rate that was not read
    }
    rating::rate_step step;
    step.from_s = static_cast<std::uint32_t>(row.int32());
    step.unit_s = static_cast<std::uint32_t>(row.int32());
    step.increment_s = static_cast<std::uint32_t>(row.int32());
    auto const price = wire::get_numeric(row.text());
    rates_[at_rate_].is_usable = rates_[at_rate_].is_usable && price;
    step.price = price.value_or(rating::amount{});
    rates_[at_rate_].value.steps.push_back(step);
}

result tariff_reader::read() {
    auto const each_row = [this](char const* sql, auto&& take) {
        return on_.copy_out(sql, [&take](std::string_view chunk) {
            if (copy_fields const row{chunk}; row.is_row()) {
                take(row);
            }
        });
    };
    result said = each_row(plans_sql, [this](copy_fields row) { take_plan(row); });
    if (said.ok()) {
        said = each_row(destinations_sql, [this](copy_fields row) {
            std::string prefix{row.text()};
            std::string name{row.text()};
            destinations_.entries.push_back(
                {std::move(prefix), std::move(name), std::string{row.text()}});
        });
        destinations_.build();
    }
    if (said.ok()) {
        said = each_row(rates_sql, [this](copy_fields row) { take_rate(row); });
    }
    if (said.ok()) {
        said = each_row(steps_sql, [this](copy_fields row) { take_step(row); });
    }
    return said;
}

void tariff_reader::give_rates_to_plans() {
    for (auto& each : rates_) {
        plan_row& plan = plans_[each.plan];
        if (each.is_usable) {
            plan.rates.push_back(std::move(each.value));
        } else {
            warnings_.add("plan '" + plan.head.code + "': rate " +
                          ingest::to_string(each.value.id) + " (prefix '" + each.value.prefix +
                          "') is left out: an amount of it is out of range");
        }
    }
    rates_ = {};
}

/// The tariff alone knows its rules, so each rate is tried by itself.
void tariff_reader::drop_bad_rates(plan_row& plan) {
    std::erase_if(plan.rates, [&](rating::rate const& rate) {
        try {
            rating::tariff{plan.head, {rate}};
            return false;
        } catch (std::exception const& why) {
            warnings_.add("plan '" + plan.head.code + "': left out: " + why.what());
            return true;
        }
    });
}

std::shared_ptr<rating::tariff const> tariff_reader::tariff_of(plan_row& plan) {
    try {
        return std::make_shared<rating::tariff const>(plan.head, plan.rates);
    } catch (std::exception const&) {
        drop_bad_rates(plan);
    }
    try {
        return std::make_shared<rating::tariff const>(plan.head, std::move(plan.rates));
    } catch (std::exception const& why) {
        warnings_.add("plan '" + plan.head.code + "' is left out: " + why.what());
        return nullptr;
    }
}

void tariff_reader::build(loaded_tariffs& out) {
    give_rates_to_plans();
    for (auto& plan : plans_) {
        if (auto tariff = tariff_of(plan)) {
            out.places.emplace(plan.head.plan_id,
                               static_cast<rating::catalog_index>(out.plans.size()));
            out.plans.push_back(std::move(tariff));
        }
        plan.rates = {};
    }
}

} // namespace

result load_tariffs(pq_connection& on, loaded_tariffs& out, load_warnings& warnings) {
    tariff_reader reader{on, warnings};
    result said = reader.read();
    if (said.ok()) {
        reader.build(out);
    }
    return said;
}

} // namespace tally::storage
