#include "tests/simulation/world.hpp"

#include <set>

namespace tally::simulation {

/// Every acknowledged record is stored once, or suspended once, and nothing else is.
void world::check_stored(char const* when) const {
    auto const& state = server_.now();
    std::map<ingest::uuid, unsigned> stored;
    for (auto const& [key, call] : state.calls) {
        ++stored[key.id];
    }
    std::set<ingest::uuid> sent;
    for (auto const& record : records_) {
        sent.insert(record.id);
        auto const calls = stored.contains(record.id) ? stored[record.id] : 0;
        auto const suspended = state.suspense.contains(record.body) ? 1U : 0U;
        auto const number = "record " + record.body.substr(9, 9);
        if (calls + suspended > 1) {
            throw broken_rule{number + " is there " + std::to_string(calls + suspended) +
                              " times although " + when};
        }
        if (record.is_acknowledged && calls + suspended == 0) {
            throw broken_rule{number + " was acknowledged and is nowhere although " + when};
        }
        if (record.is_refused && calls > 0) {
            throw broken_rule{number + " breaks a constraint and is stored"};
        }
    }
    for (auto const& [id, count] : stored) {
        if (!sent.contains(id)) {
            throw broken_rule{"a record is stored that was never sent"};
        }
    }
}

/// Usage, balances and calls tell the same.
void world::check_sums() const {
    auto const& state = server_.now();
    std::int64_t calls = 0;
    std::int64_t included = 0;
    rating::int128 cost = 0;
    rating::int128 usage_cost = 0;
    rating::int128 charged = 0;
    for (auto const& [key, call] : state.calls) {
        cost += call.cost_nanos;
    }
    for (auto const& [key, usage] : state.usage) {
        calls += usage.calls;
        included += usage.included_s;
        usage_cost += usage.cost_nanos;
        if (usage.included_s > 120) {
            throw broken_rule{"more than the allowance is granted"};
        }
    }
    for (auto const& [account, sum] : state.charges) {
        charged += sum;
    }
    if (calls != static_cast<std::int64_t>(state.calls.size()) || cost != usage_cost ||
        cost != charged) {
        throw broken_rule{"the sums of calls, usage and balances differ"};
    }
}

} // namespace tally::simulation
