#include "tests/crash/verification.hpp"

#include "tests/support/billing_fixture.hpp"

#include <set>
#include <sstream>
#include <utility>

namespace tally::crash {

namespace {

using tests::query_one;
using tests::query_rows;

/// The number of errors that are printed; the others are counted.
constexpr std::size_t findings_max = 40;

std::vector<std::string> fields_of(std::string const& row) {
    std::vector<std::string> fields;
    std::istringstream input{row};
    for (std::string field; std::getline(input, field, '|');) {
        fields.push_back(field);
    }
    return fields;
}

/// As text in the form of a database row, so that differences are readable.
std::string row_of(reference_totals::by_month const& key, reference_totals::usage const& month) {
    return "ACC-" + std::to_string(key.first) + "|" + key.second + "|" +
           std::to_string(month.calls) + "|" + std::to_string(month.billed_s) + "|" +
           std::to_string(month.drawn_s()) + "|" + text_of(month.cost());
}

std::string row_of(reference_totals::by_day const& key, reference_totals::day const& day) {
    return "ACC-" + std::to_string(key.first) + "|" + key.second + "|" + std::to_string(day.calls) +
           "|" + std::to_string(day.answered_s) + "|" + std::to_string(day.billed_s);
}

std::string first_difference(std::set<std::string> const& expected,
                             std::vector<std::string> const& stored) {
    std::set<std::string> const there{stored.begin(), stored.end()};
    for (auto const& row : expected) {
        if (!there.contains(row)) {
            return "expected " + row;
        }
    }
    for (auto const& row : stored) {
        if (!expected.contains(row)) {
            return "stored, and not expected: " + row;
        }
    }
    return there.size() == stored.size() ? "" : "a row is there twice";
}

} // namespace

void verification::find(std::string text) {
    if (findings_.size() == findings_max) {
        findings_.emplace_back("and more");
    } else if (findings_.size() < findings_max) {
        findings_.push_back(std::move(text));
    }
}

std::vector<std::string> verification::check(load const& sent) {
    findings_ = sent.findings();
    stored_ = 0;
    std::vector<sight> seen(sent.fates().size() * sample_push::numbers);
    look_at_calls(sent, seen);
    look_at_suspense(sent, seen);
    judge(sent, seen);
    auto found = std::exchange(findings_, {});
    for (auto& more : check_totals(totals_)) {
        found.push_back(std::move(more));
    }
    return found;
}

void verification::look_at_calls(load const& sent, std::vector<sight>& seen) {
    auto const first = sent.first_index() * sample_push::numbers;
    auto const rows = query_rows(
        database_, "SELECT c.uuid, a.account_number, extract(epoch FROM c.start_time)::bigint,"
                   " c.billed_seconds, c.allowance_seconds, c.cost FROM billing.cdrs c"
                   " JOIN billing.accounts a ON a.id = c.account_id WHERE c.uuid BETWEEN '" +
                       id_of(first) + "' AND '" + id_of(first + seen.size()) + "'");
    for (auto const& row : rows) {
        auto const fields = fields_of(row);
        auto const number = number_of(fields[0]);
        auto const call = call_of(seed_, number);
        auto const charge = charge_of(call);
        auto const allowance = std::stoll(fields[4]);
        bool const right =
            call.is_call() && number - first < seen.size() &&
            fields[1] == "ACC-" + std::to_string(call.account) &&
            std::stoll(fields[2]) == call.start_s && std::stoll(fields[3]) == charge.billed_s &&
            allowance <= (charge.draws_allowance ? charge.billed_s : 0) &&
            nanos_of(fields[5]) == charge.fee + charge.per_s * (charge.billed_s - allowance);
        if (!right) {
            find("this call is not as it was sent, or at another price: " + row);
            continue;
        }
        if (++seen[number - first].calls == 1) {
            totals_.add(call);
            ++stored_;
        }
    }
}

void verification::look_at_suspense(load const& sent, std::vector<sight>& seen) {
    auto const first = sent.first_index() * sample_push::numbers;
    for (auto const& row :
         query_rows(database_, "SELECT convert_from(payload, 'UTF8') FROM ingest.suspense")) {
        auto const number = number_in(row);
        if (number < first || number - first >= seen.size()) {
            continue; // from an earlier round; only their number is compared
        }
        if (row + "\n" != call_of(seed_, number).text()) {
            find("this record in suspense is not as it was sent: " + row);
        }
        if (++seen[number - first].suspended == 1) {
            ++suspended_;
            ++stored_;
        }
    }
}

void verification::judge(load const& sent, std::vector<sight> const& seen) {
    for (std::size_t i = 0; i < sent.fates().size(); ++i) {
        auto const push = sent.push_at(sent.first_index() + i);
        for (std::size_t k = 0; k < sample_push::numbers; ++k) {
            auto const& there = seen[i * sample_push::numbers + k];
            auto const name = [&] {
                return "record " + std::to_string(k) + " of push " + std::to_string(push.index) +
                       " (" + id_of(push.index * sample_push::numbers + k) + ") ";
            };
            bool const was_sent = k < push.calls.size() && sent.fates()[i] != push_fate::unsent;
            int const times = there.calls + there.suspended;
            if (!was_sent || push.calls[k].form == record_form::refused) {
                if (times != 0) {
                    find(name() + "is stored, and was not sent or was refused");
                }
                continue;
            }
            bool const is_in_its_table =
                push.calls[k].is_call() ? there.suspended == 0 : there.calls == 0;
            if (times > 1 || !is_in_its_table) {
                find(name() + "is stored " + std::to_string(there.calls) + " times and waits " +
                     std::to_string(there.suspended) + " times");
            } else if (times == 0 && sent.fates()[i] == push_fate::acknowledged) {
                find(name() + "was acknowledged and is lost");
            }
        }
    }
}

std::vector<std::string> verification::check_totals(reference_totals const& expected) {
    findings_.clear();
    compare_usage(expected);
    compare_days(expected);
    compare_balances(expected);
    compare_sums(expected);
    return std::exchange(findings_, {});
}

void verification::compare_usage(reference_totals const& expected) {
    std::set<std::string> rows;
    for (auto const& [key, month] : expected.months()) {
        rows.insert(row_of(key, month));
    }
    auto const wrong = first_difference(
        rows, query_rows(database_, "SELECT a.account_number, to_char(u.billing_period_start,"
                                    " 'YYYY-MM'), u.calls_count, u.seconds_used,"
                                    " u.included_seconds_used, u.total_cost"
                                    " FROM billing.subscription_usage u"
                                    " JOIN billing.accounts a ON a.id = u.account_id"));
    if (!wrong.empty()) {
        find("subscription_usage (account, month, calls, seconds, included, cost): " + wrong);
    }
}

void verification::compare_days(reference_totals const& expected) {
    std::set<std::string> rows;
    for (auto const& [key, day] : expected.days()) {
        rows.insert(row_of(key, day));
    }
    auto const wrong = first_difference(
        rows, query_rows(database_, "SELECT a.account_number, d.day, d.events, d.quantity::bigint,"
                                    " d.billable_quantity::bigint"
                                    " FROM analytics.usage_aggregates_daily d"
                                    " JOIN billing.accounts a ON a.id = d.account_id"));
    if (!wrong.empty()) {
        find("usage_aggregates_daily (account, day, calls, answered, billed): " + wrong);
    }
    // The order of calls decides which day's calls draw the allowance, so a day's cost is compared
    // with the sum of its stored calls.
    auto const differ = query_one(
        database_, "SELECT count(*) FROM (SELECT account_id, (start_time AT TIME ZONE 'UTC')::date"
                   " AS day, sum(cost) AS cost FROM billing.cdrs GROUP BY 1, 2) c FULL JOIN"
                   " analytics.usage_aggregates_daily d ON d.account_id = c.account_id AND d.day ="
                   " c.day WHERE d.cost IS DISTINCT FROM c.cost");
    if (differ != "0") {
        find("usage_aggregates_daily: cost of " + differ + " days is not that of their calls");
    }
}

void verification::compare_balances(reference_totals const& expected) {
    auto const sums = expected.by_account();
    for (auto const& row :
         query_rows(database_, "SELECT substr(account_number, 5), balance FROM billing.accounts")) {
        auto const fields = fields_of(row);
        auto const known = sums.find(std::stoi(fields[0]));
        auto const paid = nanos_of("100") - nanos_of(fields[1]);
        auto const cost = known == sums.end() ? 0 : known->second;
        if (paid != cost) {
            find("balance of ACC-" + fields[0] + ": " + text_of(paid) +
                 " left it, its calls cost " + text_of(cost));
        }
    }
}

void verification::compare_sums(reference_totals const& expected) {
    auto const cost = text_of(expected.cost());
    auto const sums = tests::four_sums(database_);
    for (std::size_t i = 0; i < sums.size(); ++i) {
        static constexpr char const* names[] = {"cdrs", "balances", "usage", "daily aggregates"};
        if (sums[i] != cost) {
            find(std::string{"sum over "} + names[i] + ": " + sums[i] + ", expected " + cost);
        }
    }
    auto const calls = query_one(database_, "SELECT count(*) FROM billing.cdrs");
    if (calls != std::to_string(expected.calls())) {
        find(calls + " calls are stored, expected " + std::to_string(expected.calls()));
    }
    auto const waiting = query_one(database_, "SELECT count(*) FROM ingest.suspense");
    if (waiting != std::to_string(suspended_)) {
        find(waiting + " records wait in suspense, expected " + std::to_string(suspended_));
    }
}

} // namespace tally::crash
