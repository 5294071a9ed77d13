#include "tests/storage/rerate/rerate_fixture.hpp"

#include "storage/partitions/partitions.hpp"

#include <atomic>
#include <map>
#include <random>
#include <thread>

// Random pushes, price changes, reratings and corrections. The result is compared with a
// recomputation that counts increment by increment and does not use the rater.

namespace tally::storage {
namespace {

using tests::call_maker;
using tests::execute;
using tests::query_rows;

/// Columns of a row that query_rows() joined.
std::vector<std::string> columns(std::string const& row) {
    std::vector<std::string> out(1);
    for (char const c : row) {
        if (c == '|') {
            out.emplace_back();
        } else {
            out.back() += c;
        }
    }
    return out;
}

/// A rate as the recomputation needs it; prices are per 60 s, in units of 10^-9.
struct simple_rate {
    std::string prefix;
    std::int64_t fee = 0;
    bool allowance = false;
    std::int64_t from_s = 0; ///< epoch seconds
    std::int64_t to_s = 0;
    struct step {
        std::int64_t from_s = 0;
        std::int64_t price = 0;
        std::int64_t increment_s = 0;
    };
    std::vector<step> steps;
};

struct simple_cost {
    std::int64_t nanos = 0;
    std::int64_t drawn_s = 0;
    friend bool operator==(simple_cost const&, simple_cost const&) = default;
};

simple_cost cost_of(simple_rate const& rate, std::int64_t call_s, std::int64_t left_s) {
    std::int64_t sum = 0; // of 60ths
    simple_cost out;
    std::int64_t index = 0;
    while (index < call_s) {
        auto step = rate.steps.front();
        for (auto const& each : rate.steps) {
            step = each.from_s <= index ? each : step;
        }
        if (rate.allowance && step.increment_s <= left_s) {
            left_s -= step.increment_s;
            out.drawn_s += step.increment_s;
        } else {
            sum += step.price * step.increment_s;
        }
        index += step.increment_s;
    }
    if (out.drawn_s == index) {
        return out;
    }
    sum += rate.fee * 60;
    constexpr std::int64_t slot_index = 60 * 100'000; // four decimals
    out.nanos = (2 * sum + slot_index) / (2 * slot_index) * 100'000;
    return out;
}

class rerate_random : public tests::rerate_fixture, public ::testing::WithParamInterface<unsigned> {
  protected:
    int pick(int most) { return static_cast<int>(random_() % static_cast<unsigned>(most)); }

    void push() {
        std::vector<ingest::cdr> calls;
        for (int i = pick(15); i >= 0; --i) {
            static constexpr std::array numbers{"12125550100", "919812345678", "442071234567"};
            auto const start = call_maker::base + (pick(40) - 20) * day + pick(1'000) * minute;
            auto call = make.call(next_call_++, 1 + pick(accounts), numbers[std::size_t(pick(3))],
                                  pick(200), start);
            call.billable_ms = std::max<std::int64_t>(0, call.billable_ms - pick(900));
            if (call.billable_ms == 0) {
                call.answer = ingest::never_us;
            } else {
                call.answer += pick(3) * minute; // the order of answers differs from that of starts
            }
            calls.push_back(call);
        }
        lane.reload();
        lane.store_all(calls);
    }
    void change_prices() {
        execute(connection, "UPDATE billing.rate_steps SET price = " + std::to_string(pick(300)) +
                                " * 0.01 WHERE rate_id = '00000000-0000-7000-8000-000000000d0" +
                                std::to_string(1 + pick(3)) + "'");
        execute(connection,
                "UPDATE billing.rate_plans SET included_minutes = " + std::to_string(pick(8)));
    }
    void add_rate() {
        auto const origin =
            "timestamptz '2026-05-01' + interval '" + std::to_string(pick(20)) + " days'";
        execute(connection,
                "WITH r AS (INSERT INTO billing.rates (rate_plan_id, prefix, direction, "
                "allowance, effective_from) SELECT id, '9198', 'outbound', true, " +
                    origin +
                    " FROM billing.rate_plans ON CONFLICT DO NOTHING RETURNING id) "
                    "INSERT INTO billing.rate_steps (rate_id, from_s, price, unit_s, "
                    "increment_s) SELECT id, 0, 0.5, 60, 10 FROM r");
    }
    void correct_one() {
        auto const found = query_rows(
            connection, "SELECT right(account_number, 1), c.uuid FROM billing.cdrs AS c JOIN "
                        "billing.accounts AS a ON a.id = c.account_id ORDER BY c.uuid OFFSET " +
                            std::to_string(pick(30)) + " LIMIT 1");
        if (found.empty()) {
            return;
        }
        auto const row = columns(found.front());
        static constexpr std::array kinds{correction_kind::voided, correction_kind::disputed,
                                          correction_kind::restored, correction_kind::restored};
        try {
            correct(kinds[std::size_t(pick(4))], std::stoi(row[0]), row[1]);
        } catch (std::runtime_error const&) {
            // a void call cannot be disputed
        }
    }
    void rerate_some() {
        auto options = task(pick(2) == 0 ? plan() : subscription(1 + pick(accounts)));
        options.page_calls = 1 + pick(20);
        options.chunk_calls = 1 + pick(40);
        run(options);
    }
    void do_something() {
        switch (pick(6)) {
        case 0:
        case 1:
            return push();
        case 2:
            return change_prices();
        case 3:
            return add_rate();
        case 4:
            return rerate_some();
        default:
            return correct_one();
        }
    }

    std::vector<simple_rate> rates() const {
        std::map<std::string, simple_rate> by_id;
        for (auto const& text : query_rows(
                 connection,
                 "SELECT r.id, prefix, (connect_fee * 1000000000)::bigint, allowance, "
                 "CASE WHEN effective_from = '-infinity' THEN 0 ELSE extract(epoch FROM "
                 "effective_from)::bigint END, from_s, (price * 1000000000)::bigint, increment_s "
                 "FROM billing.rates AS r JOIN billing.rate_steps AS s ON s.rate_id = r.id WHERE "
                 "direction = 'outbound' ORDER BY from_s")) {
            auto const row = columns(text);
            auto& rate = by_id[row[0]];
            rate.prefix = row[1];
            rate.fee = std::stoll(row[2]);
            rate.allowance = row[3] == "t";
            rate.from_s = std::stoll(row[4]);
            rate.steps.push_back({std::stoll(row[5]), std::stoll(row[6]), std::stoll(row[7])});
        }
        std::vector<simple_rate> out;
        for (auto& [id, rate] : by_id) {
            out.push_back(std::move(rate));
        }
        return out;
    }
    static simple_rate const& rate_for(std::vector<simple_rate> const& all,
                                       std::string const& number, std::int64_t at_s) {
        simple_rate const* best = nullptr;
        for (auto const& rate : all) {
            bool const fits = number.starts_with(rate.prefix) && rate.from_s <= at_s;
            bool const better =
                best == nullptr || rate.prefix.size() > best->prefix.size() ||
                (rate.prefix.size() == best->prefix.size() && rate.from_s > best->from_s);
            best = fits && better ? &rate : best;
        }
        return *best;
    }

    /// Expects every call that may be rated again to cost what the recomputation gives.
    void expect_recomputed() const {
        auto const all = rates();
        auto const included_s =
            60 * std::stoll(one("SELECT included_minutes FROM billing.rate_plans"));
        std::map<std::string, std::int64_t> left;
        for (auto const& text : query_rows(
                 connection, "SELECT subscription_id || date_trunc('month', start_time)::text, "
                             "sum(allowance_seconds) FROM billing.cdrs WHERE processing_status = "
                             "'disputed' GROUP BY 1")) {
            auto const row = columns(text);
            left[row[0]] = -std::stoll(row[1]);
        }
        std::size_t checked = 0;
        for (auto const& text : query_rows(
                 connection,
                 "SELECT subscription_id || date_trunc('month', start_time)::text, destination, "
                 "extract(epoch FROM answer_time)::bigint, coalesce(billable_seconds, billsec), "
                 "(cost * 1000000000)::bigint, allowance_seconds, uuid FROM billing.cdrs WHERE "
                 "processing_status IN ('rated', 'rerated') ORDER BY answer_time, start_time, "
                 "uuid")) {
            auto const row = columns(text);
            auto& drawn = left[row[0]]; // minus what is drawn so far
            auto const expected = cost_of(rate_for(all, row[1], std::stoll(row[2])),
                                          std::stoll(row[3]), included_s + drawn);
            drawn -= expected.drawn_s;
            EXPECT_EQ((simple_cost{std::stoll(row[4]), std::stoll(row[5])}), expected) << text;
            ++checked;
        }
        EXPECT_GT(checked, 0U);
    }

    std::minstd_rand random_{GetParam()};
    std::uint32_t next_call_ = 1;
};

TEST_P(rerate_random, ends_as_if_all_had_been_rated_at_once) {
    SCOPED_TRACE("seed " + std::to_string(GetParam()));
    push();
    for (int i = 0; i < 25; ++i) {
        do_something();
        expect_consistent();
    }
    rerate(plan());
    expect_recomputed();
    // Days and months, counted again from the calls, equal what was changed step by step.
    execute(connection, "SELECT analytics.roll_up_months()");
    EXPECT_EQ(one("SELECT analytics.rebuild_daily('2026-03-01', '2026-07-31')"), "0");
    EXPECT_EQ(one("SELECT sum(analytics.roll_up_month(m::date)) FROM generate_series("
                  "timestamp '2026-03-01', '2026-07-01', '1 month') AS m"),
              "0");
    EXPECT_EQ(rerate(plan()).counts.changed, 0);
}

INSTANTIATE_TEST_SUITE_P(seeds, rerate_random, ::testing::Range(1U, 7U));

class rerate_under_load : public tests::rerate_fixture {
  protected:
    std::atomic<bool> enough{false};
    std::atomic<std::uint32_t> pushed{0};
    std::atomic<int> stale{0};

    /// A daemon: pushes calls of all subscriptions, a few at a time.
    void push_calls(std::uint32_t first) {
        tests::test_lane own{connection};
        call_maker calls;
        for (std::uint32_t i = first; !enough; i += 3) {
            own.store_all({calls.call(i, 1, "9198", 30, call_maker::base - (i % 500) * minute),
                           calls.call(i + 1, 2, "1212", 60), calls.call(i + 2, 3, "4420", 90)});
            pushed += 3;
        }
        stale += own.retries_of("stale");
    }
};

// Lanes of two daemons bill the subscriptions that are rated again, all the time.
TEST_F(rerate_under_load, nothing_is_lost_and_nothing_counted_twice) {
    lane.store_all({make.call(1, 1, "9198", 30), make.call(2, 2, "1212", 60)});
    {
        std::jthread const one_daemon{[this] { push_calls(1'000); }};
        std::jthread const another{[this] { push_calls(2'000'000); }};
        for (int round = 0; round < 8; ++round) {
            execute(connection, "UPDATE billing.rate_steps SET price = price + 0.1");
            auto options = task(plan());
            options.page_calls = 20;
            EXPECT_EQ(run(options).end, rerate_end::done);
        }
        while (pushed < 100) {
            std::this_thread::yield();
        }
        enough = true;
    }
    expect_consistent();
    EXPECT_EQ(one("SELECT count(*) FROM billing.cdrs"), std::to_string(2 + pushed.load()));
    EXPECT_GT(stale.load(), 0); // the lanes noticed that rows had changed
    rerate(plan());
    EXPECT_EQ(rerate(plan()).counts.changed, 0);
    EXPECT_EQ(one("SELECT count(*) FROM billing.subscription_usage WHERE included_seconds_used > "
                  "600"),
              "0");
}

} // namespace
} // namespace tally::storage
