#include "storage/partitions.hpp"

#include <date/date.h>

#include <algorithm>
#include <charconv>

namespace tally::storage {

namespace {

/// ingest.create_partition refuses to bring back what retention has taken away.
constexpr std::string_view retired_sqlstate = "TL002";

constexpr std::string_view name_prefix = "cdrs_p";

constexpr char const* existing_sql = "SELECT c.relname, false FROM pg_catalog.pg_inherits AS i"
                                     " JOIN pg_catalog.pg_class AS c ON c.oid = i.inhrelid"
                                     " WHERE i.inhparent = 'billing.cdrs'::pg_catalog.regclass"
                                     " UNION ALL SELECT partition_name, true FROM ingest.partitions"
                                     " WHERE table_name = 'billing.cdrs'"
                                     " AND state IN ('detached', 'dropped')";

date::year_month_day civil(std::int32_t day) noexcept {
    return date::year_month_day{date::sys_days{date::days{day}}};
}

/// The day of a partition's name; false for a name that is not ours.
bool day_of_name(std::string_view name, std::int32_t& day) {
    if (!name.starts_with(name_prefix) || name.size() < name_prefix.size() + 8) {
        return false;
    }
    std::string_view const digits = name.substr(name_prefix.size());
    std::int64_t number = 0;
    auto const [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (error != std::errc{} || end != digits.data() + digits.size()) {
        return false;
    }
    date::year_month_day const when{date::year{static_cast<int>(number / 10'000)},
                                    date::month{static_cast<unsigned>(number / 100 % 100)},
                                    date::day{static_cast<unsigned>(number % 100)}};
    if (!when.ok()) {
        return false;
    }
    day = static_cast<std::int32_t>(date::sys_days{when}.time_since_epoch().count());
    return true;
}

std::string text_at(pq_rows const& rows, int row, int column) {
    return std::string{bytes_at(rows, row, column)};
}

} // namespace

std::string cdr_partition_name(std::int32_t day) {
    return std::string{name_prefix} + date::format("%Y%m%d", civil(day));
}

std::string midnight_literal(std::int32_t day) {
    return "timestamptz '" + date::format("%F", civil(day)) + " 00:00:00+00'";
}

result cdr_partitions::learn(pq_connection& on) {
    pq_rows rows;
    result said = on.execute(existing_sql, rows);
    known_.clear();
    detached_.clear();
    for (int i = 0; said.ok() && i < row_count(rows); ++i) {
        std::int32_t day = 0;
        if (day_of_name(bytes_at(rows, i, 0), day)) {
            (bytes_at(rows, i, 1) == "t" ? detached_ : known_).insert(day);
        }
    }
    return said;
}

result cdr_partitions::create(pq_connection& on, std::int32_t day) {
    result said =
        on.execute("SELECT ingest.create_partition('billing.cdrs', " + midnight_literal(day) + ")");
    if (said.ok()) {
        known_.insert(day);
    } else if (said.sqlstate == retired_sqlstate) {
        detached_.insert(day); // since we looked
        return {};
    }
    return said;
}

result cdr_partitions::ensure(pq_connection& on, std::span<std::int32_t const> days,
                              std::int32_t today, std::vector<std::int32_t>& refused) {
    refused.clear();
    bool looked = false;
    for (std::int32_t const day : days) {
        if (day < today - policy_.past_days || day > today + policy_.future_days) {
            refused.push_back(day);
            continue;
        }
        if (known_.contains(day)) {
            continue;
        }
        if (!looked) {
            if (result said = learn(on); !said.ok()) {
                return said;
            }
            looked = true;
        }
        if (!known_.contains(day) && !detached_.contains(day)) {
            if (result said = create(on, day); !said.ok()) {
                return said;
            }
        }
        if (detached_.contains(day) && !known_.contains(day)) {
            refused.push_back(day);
        }
    }
    return {};
}

result create_ahead(pq_connection& on, partition_policy const& policy, ingest::time_us now) {
    std::int32_t const today = day_of(now);
    std::vector<std::int32_t> days;
    for (std::int32_t day = today - 1; day <= today + policy.ahead_days; ++day) {
        days.push_back(day);
    }
    partition_policy wide = policy;
    wide.past_days = std::max(wide.past_days, 1);
    wide.future_days = std::max(wide.future_days, policy.ahead_days);
    std::vector<std::int32_t> refused; // detached ones: nothing to do about them
    return cdr_partitions{wide}.ensure(on, days, today, refused);
}

result horizon(pq_connection& on, ingest::time_us now, std::int64_t& seconds) {
    pq_rows rows;
    seconds = 0;
    result said = on.execute(existing_sql, rows);
    std::set<std::int32_t> days;
    for (int i = 0; said.ok() && i < row_count(rows); ++i) {
        std::int32_t day = 0;
        if (bytes_at(rows, i, 1) != "t" && day_of_name(text_at(rows, i, 0), day)) {
            days.insert(day);
        }
    }
    std::int32_t end = day_of(now);
    while (days.contains(end)) {
        ++end;
    }
    if (end != day_of(now)) {
        seconds = static_cast<std::int64_t>(end) * 86'400 - now / ingest::us_per_s;
    }
    return said;
}

} // namespace tally::storage
