#include "tests/storage/rerate/rerate_fixture.hpp"

#include "tests/support/private_postgres.hpp"

// Rating stored calls again, with a real server: which calls change, which do not, and which sums
// change with them.

namespace tally::storage {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using tests::call_maker;
using tests::execute;

class rerate_test : public tests::rerate_fixture {
  protected:
    /// A minute of allowance; 91... draws it at 0.60 a minute.
    void one_minute_free() {
        execute(connection, "UPDATE billing.rate_plans SET included_minutes = 1; "
                            "UPDATE billing.rate_steps SET price = 0.6 "
                            "WHERE rate_id = '00000000-0000-7000-8000-000000000d02'");
        lane.reload();
    }
    void set_price(std::string const& price) {
        execute(connection, "UPDATE billing.rate_steps SET price = " + price +
                                " WHERE rate_id = '00000000-0000-7000-8000-000000000d01'");
    }
    /// A call of 60 s to a destination at 0.60 per minute, without allowance.
    ingest::cdr minute_call(std::uint32_t number, int account,
                            ingest::time_us start = call_maker::base) {
        return make.call(number, account, "1212", 60, start);
    }
    static std::string uuid(std::uint32_t number) {
        char text[64];
        std::snprintf(text, sizeof text, "ca000000-0000-0000-0000-0000%08x", number);
        return text;
    }
};

TEST_F(rerate_test, draws_the_allowance_anew_in_order_of_answer) {
    one_minute_free();
    auto const a = call_maker::base + 16 * 60 * minute;
    lane.store_all(
        {make.call(1, 1, "9198", 120, a), make.call(2, 1, "9198", 120, a - 60 * minute)});
    EXPECT_THAT(ratings(), ElementsAre("0.6/60/rated", "1.2/0/rated"));
    auto const outcome = rerate(subscription(1));
    EXPECT_EQ(outcome.counts.changed, 2);
    EXPECT_THAT(ratings(), ElementsAre("1.2/0/rerated", "0.6/60/rerated"));
    EXPECT_EQ(one("SELECT string_agg(trim_scale(old_cost) || '->' || trim_scale(new_cost) || ' ' "
                  "|| old_allowance_seconds || '->' || new_allowance_seconds || ' ' || old_status "
                  "|| '->' || new_status || ' ' || reason || ' ' || adjusted_by, ', ' ORDER BY "
                  "uuid) FROM billing.cdr_adjustments"),
              "0.6->1.2 60->0 rated->rerated a test tester, "
              "1.2->0.6 0->60 rated->rerated a test tester");
}

TEST_F(rerate_test, a_second_run_changes_nothing) {
    lane.store_all({minute_call(1, 1), minute_call(2, 1)});
    set_price("0.9");
    EXPECT_EQ(rerate(subscription(1)).counts.changed, 2);
    EXPECT_THAT(ratings(), ElementsAre("0.9/0/rerated", "0.9/0/rerated"));
    auto const version = one("SELECT version FROM billing.subscription_usage");
    auto const again = rerate(subscription(1));
    EXPECT_EQ(again.counts.changed, 0);
    EXPECT_EQ(again.counts.unchanged, 2);
    EXPECT_EQ(one("SELECT version FROM billing.subscription_usage"), version);
    EXPECT_EQ(one("SELECT count(*) FROM billing.cdr_adjustments"), "2");
    EXPECT_EQ(one("SELECT count(*) FROM billing.rerate_runs WHERE state = 'done'"), "2");
}

TEST_F(rerate_test, rates_are_those_in_effect_at_the_answer) {
    lane.store_all({minute_call(1, 1), minute_call(2, 1, call_maker::base + day)});
    execute(connection, R"(
        UPDATE billing.rates SET effective_to = '2026-05-05' WHERE id =
            '00000000-0000-7000-8000-000000000d01';
        INSERT INTO billing.rates (id, rate_plan_id, prefix, direction, effective_from) VALUES
            ('00000000-0000-7000-8000-000000000d09', '00000000-0000-7000-8000-0000000000cc', '',
             'outbound', '2026-05-05');
        INSERT INTO billing.rate_steps (rate_id, from_s, price, unit_s, increment_s) VALUES
            ('00000000-0000-7000-8000-000000000d09', 0, 2, 60, 60))");
    rerate(plan());
    EXPECT_THAT(ratings(), ElementsAre("0.6/0/rated", "2/0/rerated"));
    EXPECT_EQ(one("SELECT rate_id FROM billing.cdrs WHERE cost = 2"),
              "00000000-0000-7000-8000-000000000d09");
}

// Whole seconds are stored; a call that was billed by milliseconds is billed the same again.
TEST_F(rerate_test, what_was_billed_beyond_whole_seconds_is_kept) {
    auto call = make.call(1, 1, "1212", 59);
    call.billable_ms = 59'300;
    lane.store_all({call});
    EXPECT_EQ(one("SELECT billsec || ' ' || billable_seconds || ' ' || billed_seconds FROM cdrs"),
              "59 60 60");
    EXPECT_EQ(rerate(subscription(1)).counts.changed, 0);
}

TEST_F(rerate_test, unanswered_void_disputed_and_billed_calls_are_left_alone) {
    lane.store_all({minute_call(1, 1), minute_call(2, 1), minute_call(3, 1), minute_call(4, 1),
                    make.call(5, 1, "1212", 0)});
    correct(correction_kind::voided, 1, uuid(1));
    correct(correction_kind::disputed, 1, uuid(2));
    execute(connection,
            "UPDATE billing.cdrs SET processing_status = 'billed' WHERE uuid = '" + uuid(3) + "'");
    set_price("0.9");
    auto const outcome = rerate(subscription(1));
    EXPECT_EQ(outcome.counts.frozen, 3);
    EXPECT_EQ(outcome.counts.unchanged, 1);
    EXPECT_EQ(outcome.counts.changed, 1);
    EXPECT_THAT(ratings(), ElementsAre("0.6/0/void", "0.6/0/disputed", "0.6/0/billed",
                                       "0.9/0/rerated", "0/0/zero_rated"));
}

// What a frozen call has drawn is not given to another call.
TEST_F(rerate_test, the_allowance_of_a_disputed_call_stays_drawn) {
    one_minute_free();
    lane.store_all({make.call(1, 1, "9198", 60, call_maker::base + 10 * minute)});
    lane.store_all({make.call(2, 1, "9198", 60)});
    correct(correction_kind::disputed, 1, uuid(1));
    rerate(subscription(1));
    EXPECT_THAT(ratings(), ElementsAre("0/60/disputed", "0.6/0/rated"));
    correct(correction_kind::voided, 1, uuid(1));
    expect_consistent();
    rerate(subscription(1));
    EXPECT_THAT(ratings(), ElementsAre("0/60/void", "0/60/rerated"));
}

TEST_F(rerate_test, a_call_that_nothing_rates_any_more_is_listed_and_stays) {
    lane.store_all({minute_call(1, 1), make.call(2, 1, "4420", 60)});
    execute(connection, "DELETE FROM billing.rates WHERE prefix = '' AND direction = 'outbound'");
    std::vector<std::string> listed;
    auto const outcome = run(task(subscription(1)),
                             {.on_progress = {},
                              .on_change = {},
                              .on_unrated =
                                  [&](unrated_call const& call) {
                                      listed.push_back(call.call->destination + " " +
                                                       std::string{ingest::code(call.reason)});
                                  },
                              .stop = {}});
    EXPECT_EQ(outcome.counts.unrated, 1);
    EXPECT_EQ(outcome.counts.unchanged, 1);
    EXPECT_THAT(listed, ElementsAre("1212 no_rate"));
    EXPECT_THAT(ratings(), ElementsAre("0.6/0/rated", "1.7/0/rated"));
}

TEST_F(rerate_test, from_and_to_choose_calls_and_the_allowance_takes_others_of_the_period_along) {
    one_minute_free();
    // The last one was stored first, and drew the minute.
    lane.store_all({make.call(1, 1, "9198", 60, call_maker::base + day)});
    lane.store_all({make.call(2, 1, "9198", 60), minute_call(3, 1),
                    minute_call(4, 1, call_maker::base + day),
                    minute_call(5, 1, call_maker::base + 40 * day)});
    set_price("0.9");
    auto selection = subscription(1);
    selection.begin = "2026-05-05";
    selection.end = "2026-05-06";
    auto const outcome = rerate(selection);
    // 3 is before --from and keeps its price; 2 is as well, but gets the minute back; 5 is in a
    // period that was not asked for.
    EXPECT_THAT(ratings(), ElementsAre("0.6/0/rerated", "0/60/rerated", "0.6/0/rated",
                                       "0.9/0/rerated", "0.6/0/rated"));
    EXPECT_EQ(outcome.counts.periods, 1);
    EXPECT_EQ(outcome.counts.seen, 4);
    EXPECT_EQ(rerate(selection).counts.changed, 0);
}

TEST_F(rerate_test, an_account_or_a_plan_means_all_its_subscriptions) {
    lane.store_all({minute_call(1, 1), minute_call(2, 2), minute_call(3, 3)});
    set_price("0.9");
    rerate({rerate_selection::scope::account, "ACC-2", "", ""});
    EXPECT_THAT(ratings(), ElementsAre("0.6/0/rated", "0.9/0/rerated", "0.6/0/rated"));
    EXPECT_EQ(rerate(plan()).counts.changed, 2);
    EXPECT_THAT(ratings(), ElementsAre("0.9/0/rerated", "0.9/0/rerated", "0.9/0/rerated"));
    EXPECT_EQ(run(task({rerate_selection::scope::plan, "nothing", "", ""})).end,
              rerate_end::nothing_selected);
}

TEST_F(rerate_test, calls_of_plans_that_fall_back_on_a_plan_are_its_calls) {
    execute(connection, R"(INSERT INTO billing.rate_plans (code, name, time_zone, fallback_plan_id)
        VALUES ('thin', 'Thin', 'UTC', '00000000-0000-7000-8000-0000000000cc');
        UPDATE billing.subscriptions SET rate_plan_id =
            (SELECT id FROM billing.rate_plans WHERE code = 'thin')
            WHERE subscription_number = 'SUB-2')");
    lane.reload();
    lane.store_all({minute_call(1, 2)});
    set_price("0.9");
    EXPECT_EQ(rerate(plan()).counts.changed, 1);
    EXPECT_THAT(ratings(), ElementsAre("0.9/0/rerated"));
}

TEST_F(rerate_test, a_dry_run_tells_the_same_and_writes_nothing) {
    one_minute_free();
    for (std::uint32_t i = 0; i < 20; ++i) {
        lane.store_all({make.call(i, 1, "9198", 7, call_maker::base - i * minute)});
    }
    set_price("0.9");
    auto const before = ratings();
    auto options = task(subscription(1));
    options.is_dry_run = true;
    options.page_calls = 3;
    auto const tried = run(options);
    EXPECT_EQ(ratings(), before);
    EXPECT_EQ(one("SELECT count(*) FROM billing.rerate_runs"), "0");
    EXPECT_EQ(one("SELECT count(*) FROM billing.cdr_adjustments"), "0");
    EXPECT_EQ(one("SELECT max(corrections) FROM billing.subscription_usage"), "0");
    auto const done = rerate(subscription(1));
    EXPECT_GT(done.counts.changed, 0);
    EXPECT_EQ(tried.counts, done.counts);
}

// Whatever the size of the pages, the allowance of a period is drawn as if it were one page.
TEST_F(rerate_test, pages_and_chunks_make_no_difference) {
    one_minute_free();
    std::vector<ingest::cdr> calls;
    for (std::uint32_t i = 0; i < 40; ++i) {
        calls.push_back(make.call(i, 1 + static_cast<int>(i % 3), "9198", 7,
                                  call_maker::base - (i * 37 % 40) * minute));
    }
    lane.store_all(calls);
    auto options = task(plan());
    options.page_calls = 4;
    options.chunk_calls = 20;
    auto const outcome = run(options);
    EXPECT_EQ(outcome.counts.periods, 3);
    EXPECT_EQ(outcome.counts.seen, 40);
    EXPECT_GT(outcome.counts.changed, 0);
    expect_consistent();
    EXPECT_EQ(rerate(plan()).counts.changed, 0);
    EXPECT_EQ(
        one("SELECT string_agg(drawn::text, ' ') FROM (SELECT sum(allowance_seconds) AS drawn "
            "FROM billing.cdrs GROUP BY subscription_id) AS d"),
        "60 60 60");
}

TEST_F(rerate_test, one_that_was_cut_short_goes_on_where_it_was) {
    one_minute_free();
    std::vector<ingest::cdr> calls;
    for (std::uint32_t i = 0; i < 40; ++i) {
        calls.push_back(make.call(i, 1 + static_cast<int>(i % 2), "9198", 7,
                                  call_maker::base - (i * 37 % 40) * minute));
    }
    lane.store_all(calls);
    struct killed {};
    for (int pages = 1; pages <= 3; ++pages) {
        int left = pages;
        auto options = task(plan());
        options.page_calls = 3;
        options.chunk_calls = 10;
        EXPECT_THROW(run(options, {.on_progress =
                                       [&](auto const&, auto) {
                                           if (--left == 0) {
                                               throw killed{};
                                           }
                                       },
                                   .on_change = {},
                                   .on_unrated = {},
                                   .stop = {}}),
                     killed);
        expect_consistent();
    }
    EXPECT_EQ(one("SELECT count(*) || ' ' || sum(runs) FROM billing.rerate_runs"), "1 3");
    auto const outcome = rerate(plan());
    EXPECT_EQ(outcome.runs, 4);
    EXPECT_EQ(outcome.counts.seen, 40);
    EXPECT_EQ(outcome.counts.periods, 2);
    EXPECT_EQ(one("SELECT count(*) FROM billing.cdr_adjustments"),
              std::to_string(outcome.counts.changed));
    EXPECT_EQ(rerate(plan()).counts.changed, 0);
}

TEST_F(rerate_test, a_stop_ends_it_between_two_transactions) {
    lane.store_all({minute_call(1, 1), minute_call(2, 1), minute_call(3, 1)});
    set_price("0.9");
    auto options = task(subscription(1));
    options.page_calls = 1;
    int asked = 0;
    auto const outcome =
        run(options, {.on_progress = {}, .on_change = {}, .on_unrated = {}, .stop = [&] {
                          return ++asked > 2;
                      }});
    EXPECT_EQ(outcome.end, rerate_end::stopped);
    EXPECT_EQ(outcome.counts.seen, 2);
    expect_consistent();
    EXPECT_EQ(rerate(subscription(1)).counts.changed, 3); // of both runs
    options.restart = true;
    EXPECT_EQ(run(options).counts.seen, 3);
}

TEST_F(rerate_test, restart_gives_an_interrupted_run_up) {
    lane.store_all({minute_call(1, 1), minute_call(2, 1)});
    auto options = task(subscription(1));
    options.page_calls = 1;
    int asked = 0;
    run(options, {.on_progress = {}, .on_change = {}, .on_unrated = {}, .stop = [&] {
                      return ++asked > 1;
                  }});
    options.restart = true;
    auto const outcome = run(options);
    EXPECT_EQ(outcome.counts.seen, 2);
    EXPECT_EQ(outcome.runs, 1);
    EXPECT_EQ(one("SELECT string_agg(state::text, ' ' ORDER BY id) FROM billing.rerate_runs"),
              "given_up done");
}

TEST_F(rerate_test, of_two_runs_of_one_selection_the_second_is_refused) {
    lane.store_all({minute_call(1, 1)});
    rerate_end second = rerate_end::done;
    run(task(plan()), {.on_progress = [&](auto const&, auto) { second = run(task(plan())).end; },
                       .on_change = {},
                       .on_unrated = {},
                       .stop = {}});
    EXPECT_EQ(second, rerate_end::busy);
}

// Calls that another session changes during a run are read again.
TEST_F(rerate_test, corrections_in_the_middle_are_seen) {
    one_minute_free();
    for (std::uint32_t i = 0; i < 12; ++i) {
        lane.store_all({make.call(i, 1, "9198", 20, call_maker::base - i * minute)});
    }
    auto options = task(subscription(1));
    options.page_calls = 2;
    int pages = 0;
    run(options, {.on_progress =
                      [&](auto const&, auto) {
                          if (++pages == 2) {
                              correct(correction_kind::voided, 1, uuid(2));
                              correct(correction_kind::disputed, 1, uuid(3));
                          }
                          if (pages == 3) {
                              execute(connection, "UPDATE billing.cdrs SET processing_status = "
                                                  "'billed' WHERE uuid = '" +
                                                      uuid(4) + "'"); // it drew nothing
                          }
                      },
                  .on_change = {},
                  .on_unrated = {},
                  .stop = {}});
    expect_consistent();
    EXPECT_EQ(one("SELECT sum(allowance_seconds) FROM billing.cdrs WHERE processing_status <> "
                  "'void'"),
              "60");
    EXPECT_EQ(rerate(subscription(1)).counts.changed, 0);
}

TEST_F(rerate_test, on_net_calls_stay_on_net_when_the_number_is_gone) {
    execute(connection,
            R"(INSERT INTO billing.rates (id, rate_plan_id, prefix, direction, is_on_net)
            VALUES ('00000000-0000-7000-8000-000000000d08', '00000000-0000-7000-8000-0000000000cc',
                    '', 'outbound', true);
        INSERT INTO billing.rate_steps (rate_id, from_s, price, unit_s, increment_s) VALUES
            ('00000000-0000-7000-8000-000000000d08', 0, 0.1, 60, 60))");
    lane.reload();
    lane.store_all({make.call(1, 1, tests::did_of(2), 60)});
    EXPECT_THAT(ratings(), ElementsAre("0.1/0/rated"));
    execute(connection, "DELETE FROM billing.dids");
    EXPECT_EQ(rerate(subscription(1)).counts.changed, 0);
}

} // namespace
} // namespace tally::storage
