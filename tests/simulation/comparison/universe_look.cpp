#include "tests/simulation/comparison/universe.hpp"

#include "tests/support/billing_fixture.hpp"

#include <algorithm>

// What is stored of a universe, a line for each row: in the model and in PostgreSQL.

namespace tally::simulation {

namespace {

std::string number(rating::int128 value) {
    return std::to_string(static_cast<std::int64_t>(value));
}

std::string quoted(std::vector<std::string> const& texts) {
    std::string list = "''";
    for (auto const& text : texts) {
        list += ",'" + text + "'";
    }
    return list;
}

template <typename Ids>
std::string quoted_ids(Ids const& ids) {
    std::string list = "'00000000-0000-0000-0000-000000000000'";
    for (auto const& id : ids) {
        list += ",'" + ingest::to_string(id) + "'";
    }
    return list;
}

} // namespace

std::vector<std::string> universe::read_balances() const {
    return tests::query_rows(real_.database, "SELECT (balance * 1000000000)::bigint FROM"
                                             " billing.accounts ORDER BY account_number");
}

std::vector<std::string> universe::look(model_state const& state) const {
    std::vector<std::string> lines;
    for (auto const& [key, call] : state.calls) {
        lines.push_back("call " + ingest::to_string(key.id) + " " + number(call.cost_nanos) + " " +
                        std::to_string(call.columns.billsec_s));
    }
    for (auto const& [id, event] : state.events) {
        lines.push_back("event " + ingest::to_string(id) + " " +
                        std::to_string(static_cast<std::int64_t>(event.content)));
    }
    for (auto const& [key, row] : state.usage) {
        lines.push_back("usage " + ingest::to_string(key.subscription_id) + " " +
                        number(row.version) + " " + number(row.calls) + " " +
                        number(row.included_s) + " " + number(row.cost_nanos));
    }
    for (auto const& [key, row] : state.metrics) {
        lines.push_back("metric " + ingest::to_string(std::get<0>(key)) + " " +
                        number(row.version) + " " + number(row.events) + " " +
                        number(row.total_nanos) + " " + number(row.cost_nanos));
    }
    for (auto const& [key, reason] : state.suspense) {
        lines.push_back("suspense " + ingest::to_string(key.first) + " " + key.second);
    }
    for (auto const& id : state.batches) {
        lines.push_back("batch " + ingest::to_string(id));
    }
    for (auto const& [stream, position] : state.positions) {
        lines.push_back("position " + stream + " " + std::to_string(position));
    }
    for (auto const& [stream, ranges] : state.decisions) {
        for (auto const& [first, range] : ranges) {
            lines.push_back("decision " + stream + " " + std::to_string(first) + " " +
                            std::to_string(range.end_record) + " " + range.payers);
        }
    }
    for (std::size_t i = 0; i < real_server::accounts; ++i) {
        auto const found = state.charges.find(real_.account_ids[i]);
        lines.push_back("charge " + std::to_string(i) + " " +
                        number(found == state.charges.end() ? 0 : found->second));
    }
    std::ranges::sort(lines);
    return lines;
}

std::vector<std::string> universe::look_real() const {
    std::vector<ingest::uuid> calls;
    for (auto const& key : call_keys()) {
        calls.push_back(key.id);
    }
    auto const period = "to_timestamp(" + std::to_string(period_start_ / ingest::us_per_s) + ")";
    auto lines = tests::query_rows(
        real_.database,
        "SELECT concat_ws(' ', 'call', uuid, (cost * 1000000000)::bigint, billsec)"
        " FROM billing.cdrs WHERE uuid IN (" +
            quoted_ids(calls) +
            ")"
            " UNION ALL SELECT concat_ws(' ', 'event', id, content) FROM ingest.event_identities"
            " WHERE id IN (" +
            quoted_ids(event_ids()) +
            ")"
            " UNION ALL SELECT concat_ws(' ', 'usage', subscription_id, version, calls_count,"
            " included_seconds_used, (total_cost * 1000000000)::bigint) FROM "
            "billing.subscription_usage"
            " WHERE billing_period_start = " +
            period +
            " UNION ALL SELECT concat_ws(' ', 'metric', subscription_id, version, events_count,"
            " (quantity * 1000000000)::bigint, (cost * 1000000000)::bigint)"
            " FROM billing.subscription_metric_usage WHERE billing_period_start = " +
            period +
            " UNION ALL SELECT concat_ws(' ', 'suspense', source_id, convert_from(payload, 'UTF8'))"
            " FROM ingest.suspense WHERE convert_from(payload, 'UTF8') LIKE '" +
            std::to_string(number_) +
            "-payload-%'"
            " UNION ALL SELECT 'batch ' || id FROM ingest.batches WHERE id IN (" +
            quoted_ids(ids_) +
            ")"
            " UNION ALL SELECT concat_ws(' ', 'position', stream, position) FROM ingest.positions"
            " WHERE stream IN (" +
            quoted(streams_) +
            ")"
            " UNION ALL SELECT concat_ws(' ', 'decision', stream, first_record, end_record,"
            " convert_from(payers, 'UTF8')) FROM ingest.payer_decisions"
            " WHERE stream IN (" +
            quoted(streams_) + ")");
    auto const balances = read_balances();
    for (std::size_t i = 0; i < balances.size(); ++i) {
        lines.push_back("charge " + std::to_string(i) + " " +
                        std::to_string(std::stoll(balances_before_[i]) - std::stoll(balances[i])));
    }
    std::ranges::sort(lines);
    return lines;
}

} // namespace tally::simulation
