#include "storage/plans/store.hpp"

#include "rating/plan/values.hpp"
#include "storage/plans/reading.hpp"
#include "storage/plans/transaction.hpp"
#include "storage/plans/writing.hpp"
#include "storage/postgres/command_error.hpp"

#include <map>
#include <set>

namespace tally::storage {

namespace {

// A deck of 200,000 rates takes seconds; on a busy machine several times as long.
constexpr char const* begin_reading = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;"
                                      "SET LOCAL statement_timeout = 600000";

// The lock comes before the first read, so that an apply() that waited sees the changes of the one
// before. The number is reserved for this purpose among the advisory locks.
constexpr char const* begin_writing = "BEGIN ISOLATION LEVEL READ COMMITTED;"
                                      "SET LOCAL statement_timeout = 600000;"
                                      "SET LOCAL lock_timeout = 60000;"
                                      "SELECT pg_advisory_xact_lock(7884051, 1)";

/// One plan of an apply() or a compare().
struct change {
    plan_to_apply const& wanted;
    ingest::uuid id;
    std::vector<ingest::uuid> band_ids; ///< of the stored bands
    rating::plan_difference difference;
};

void refuse_twice(std::span<plan_to_apply const> plans) {
    // The second would be compared with the state before the first, and overwrite it.
    std::set<std::string_view> codes;
    for (auto const& each : plans) {
        if (!codes.insert(each.plan.code).second) {
            throw command_error{"plan '" + each.plan.code + "' is given twice"};
        }
    }
}

/// Throws if the stored plan does not allow the change.
void refuse_change(rating::stored_plan const& stored, rating::plan_definition const& wanted) {
    // A deleted plan still prices calls of its subscriptions, so it is not brought back under other
    // terms.
    if (stored.is_deleted) {
        throw command_error{"plan '" + wanted.code + "' is deleted; give the new one another code"};
    }

    // Balances and usage are in the currency that the plan had.
    if (stored.subscriptions > 0 && stored.plan.currency != wanted.currency) {
        throw command_error{"plan '" + wanted.code + "' has " +
                            std::to_string(stored.subscriptions) + " subscriptions in " +
                            stored.plan.currency + ": its currency cannot become " +
                            wanted.currency + "; give the new plan another code"};
    }
}

change change_of(plan_transaction& transaction, plan_to_apply const& wanted, ingest::time_us now) {
    auto stored = read_stored_plan(transaction, wanted.plan.code);
    change made{wanted, wanted.id.is_nil() ? ingest::uuid_v7() : wanted.id, {}, {}};
    if (stored) {
        refuse_change(*stored, wanted.plan);
        made.id = stored->id;
        made.band_ids = stored->band_ids;
    }

    // The difference is what is written: parts that are as they should be are not touched.
    made.difference = rating::difference_of(stored ? &*stored : nullptr, wanted.plan, now);
    return made;
}

/// The time of the clock, not of the transaction: an apply() that waited for another must take
/// effect after it.
ingest::time_us database_now(plan_transaction& transaction) {
    return time_at(transaction.query("SELECT clock_timestamp()"), 0, 0, 0);
}

struct plan_link {
    std::string currency;
    std::string fallback;
};

/// A chain of fallback plans must end, and all its plans must have one currency: the cost is in the
/// currency of the subscriber's plan.
void check_fallbacks(plan_transaction& transaction) {
    std::map<std::string, plan_link, std::less<>> plans;
    // All plans, not only those that change: a new link of one plan may close a cycle of others.
    auto const rows = transaction.query(
        "SELECT p.code, p.currency, coalesce(f.code, '') FROM billing.rate_plans AS p"
        " LEFT JOIN billing.rate_plans AS f ON f.id = p.fallback_plan_id"
        " WHERE p.deleted_at IS NULL");
    for (int i = 0; i < row_count(rows); ++i) {
        plans[std::string{bytes_at(rows, i, 0)}] = {std::string{bytes_at(rows, i, 1)},
                                                    std::string{bytes_at(rows, i, 2)}};
    }

    // The plans of a chain are remembered, since one that comes back would never end.
    for (auto const& [code, link] : plans) {
        std::set<std::string_view> seen{code};
        for (auto cursor = plans.find(link.fallback); cursor != plans.end();
             cursor = plans.find(cursor->second.fallback)) {
            if (!seen.insert(cursor->first).second) {
                throw command_error{"plan '" + code + "' falls back to itself in the end"};
            }
            if (cursor->second.currency != link.currency) {
                throw command_error{"plan '" + code + "' is in " + link.currency +
                                    ", its fallback plan '" + cursor->first + "' in " +
                                    cursor->second.currency};
            }
        }
    }
}

std::vector<rating::plan_difference> differences_of(std::vector<change>& changes) {
    std::vector<rating::plan_difference> all;
    all.reserve(changes.size());
    for (auto& each : changes) {
        all.push_back(std::move(each.difference));
    }
    return all;
}

void write_all(plan_transaction& transaction, std::vector<change> const& changes) {
    // All heads first: a plan may name any other as its fallback.
    for (auto const& each : changes) {
        write_plan_head(transaction, each.wanted.plan, each.id, each.difference);
    }

    // The fallbacks come next: by now every plan that they may name exists.
    bool has_links = false;
    for (auto const& each : changes) {
        bool const is_linked =
            each.difference.is_new
                ? !each.wanted.plan.fallback.empty()
                : std::ranges::any_of(each.difference.head, [](rating::head_change const& head) {
                      return head.text == "fallback" || head.text == "currency";
                  });
        if (is_linked) {
            write_fallback(transaction, each.wanted.plan, each.id);
        }
        has_links = has_links || is_linked;
    }

    // Once for all, when every link is as it will be.
    if (has_links) {
        check_fallbacks(transaction);
    }

    // Rates and bands last: they belong to plans that exist by now.
    for (auto const& each : changes) {
        write_plan_content(transaction, each.id, each.band_ids, each.difference);
    }
}

} // namespace

std::vector<plan_summary> plan_store::list() {
    plan_transaction transaction{connection_, begin_reading};
    // Versions that have ended are history, and are not counted.
    auto const rows = transaction.query(
        "SELECT p.code, p.name, p.currency, trim_scale(p.monthly_price)::text,"
        " (SELECT count(*) FROM billing.rates AS r WHERE r.rate_plan_id = p.id"
        "  AND r.effective_to > now()),"
        " (SELECT count(*) FROM billing.metric_prices AS m WHERE m.rate_plan_id = p.id"
        "  AND m.effective_to > now()),"
        " (SELECT count(*) FROM billing.subscriptions AS s WHERE s.rate_plan_id = p.id),"
        " p.is_active FROM billing.rate_plans AS p WHERE p.deleted_at IS NULL ORDER BY p.code");

    // The columns in the order of plan_summary.
    std::vector<plan_summary> plans;
    plans.reserve(static_cast<std::size_t>(row_count(rows)));
    for (int i = 0; i < row_count(rows); ++i) {
        plans.push_back({std::string{bytes_at(rows, i, 0)}, std::string{bytes_at(rows, i, 1)},
                         std::string{bytes_at(rows, i, 2)}, std::string{bytes_at(rows, i, 3)},
                         int64_at(rows, i, 4), int64_at(rows, i, 5), int64_at(rows, i, 6),
                         bool_at(rows, i, 7)});
    }
    return plans;
}

std::optional<rating::plan_definition> plan_store::find(std::string_view code) {
    plan_transaction transaction{connection_, begin_reading};
    auto const stored = read_stored_plan(transaction, code);
    if (!stored || stored->is_deleted) {
        return std::nullopt;
    }
    return rating::in_effect_from(*stored, database_now(transaction));
}

std::vector<rating::plan_difference> plan_store::compare(std::span<plan_to_apply const> plans) {
    // Reads only: another session may apply plans at the same time.
    refuse_twice(plans);
    plan_transaction transaction{connection_, begin_reading};
    ingest::time_us const now = database_now(transaction);
    std::vector<change> changes;
    for (auto const& each : plans) {
        changes.push_back(change_of(transaction, each, now));
    }
    return differences_of(changes);
}

std::vector<rating::plan_difference> plan_store::apply(std::span<plan_to_apply const> plans,
                                                       apply_mode mode) {
    refuse_twice(plans);
    plan_transaction transaction{connection_, begin_writing};
    // One time for all plans: their new versions begin together.
    ingest::time_us const now = database_now(transaction);
    std::vector<change> changes;
    for (auto const& each : plans) {
        changes.push_back(change_of(transaction, each, now));
    }

    // Without a commit the destructor rolls back: a dry run meets every constraint that an apply
    // meets.
    write_all(transaction, changes);
    if (mode == apply_mode::commit) {
        transaction.commit();
    }
    return differences_of(changes);
}

} // namespace tally::storage
