#include "storage/postgres/sql_session.hpp"
#include "tests/storage/lane/lane_fixture.hpp"
#include "tests/support/cutting_proxy.hpp"
#include "tests/support/event_maker.hpp"

#include <atomic>
#include <thread>

// Lanes whose usage rows other sessions change all the time: a second daemon, or an import.

namespace tally::storage {
namespace {

/// Changes rows between every load and every commit of a lane that connects through its proxy, if
/// the rows are not locked.
class rival {
  public:
    rival(std::string const& database, std::string moves)
        : proxy_{database}, session_{database, "test", {.lock_timeout_ms = 200}}, moves_{std::move(
                                                                                      moves)} {
        // The message that executes tally_usage or tally_usage_new, not the one that prepares it.
        proxy_.before(std::string("\0tally_usage", 12), [this] { move(); });
    }

    [[nodiscard]] std::string connection_string() const { return proxy_.connection_string(); }
    /// Closes the connection after the first change.
    void cut_later(tests::cutting_proxy::cut options, std::string text) {
        cut_ = options;
        text_ = std::move(text);
    }
    [[nodiscard]] bool has_cut() const { return proxy_.has_cut(); }
    [[nodiscard]] int moved() const { return moved_; }
    [[nodiscard]] int refused() const { return refused_; }

  private:
    static constexpr int moves_max = 10; ///< a lane that is not through by then never will be

    void move() {
        if (moved_ == moves_max) {
            return;
        }
        try {
            sql_transaction work{session_};
            session_.execute(moves_);
            work.commit();
            if (++moved_ == 1 && !text_.empty()) {
                proxy_.arm(cut_, text_);
            }
        } catch (database_error const& error) {
            EXPECT_EQ(error.sqlstate(), "55P03") << error.what(); // lock_not_available
            ++refused_;
        }
    }

    tests::cutting_proxy proxy_;
    sql_session session_;
    std::string moves_;
    tests::cutting_proxy::cut cut_ = tests::cutting_proxy::cut::never;
    std::string text_;
    std::atomic<int> moved_ = 0;
    std::atomic<int> refused_ = 0;
};

class lane_rivals_test : public lane_writer_test {
  protected:
    /// For the periods of SUB-`first` and the following ones: changes the row, or creates it if
    /// it is missing.
    static std::string move_usage(int first) {
        return R"sql(
            INSERT INTO billing.subscription_usage AS u (subscription_id, account_id,
                billing_period_start, billing_period_end, currency, created_at, updated_at)
            SELECT id, account_id, '2026-05-01', '2026-06-01', 'INR', now(), now()
            FROM billing.subscriptions WHERE subscription_number >= 'SUB-)sql" +
               std::to_string(first) + R"sql('
            ORDER BY id
            ON CONFLICT (subscription_id, billing_period_start) DO UPDATE
            SET version = u.version + 1, included_seconds_used = u.included_seconds_used + 10,
                seconds_used = u.seconds_used + 10)sql";
    }
    static std::string move_metric(std::string const& number, std::string const& quantity) {
        return R"sql(
            INSERT INTO billing.subscription_metric_usage AS u (subscription_id, account_id,
                billing_period_start, billing_period_end, metric, quantity, currency, created_at,
                updated_at)
            SELECT id, account_id, '2026-05-01', '2026-06-01', 'sms', )sql" +
               quantity + R"sql(, 'INR', now(), now()
            FROM billing.subscriptions WHERE subscription_number = ')sql" +
               number + R"sql('
            ON CONFLICT (subscription_id, billing_period_start, metric) DO UPDATE
            SET version = u.version + 1, quantity = u.quantity + excluded.quantity)sql";
    }
    void price_messages() const {
        execute(connection_, "INSERT INTO billing.metric_prices (rate_plan_id, name, model, price)"
                             " SELECT id, 'sms', 'per_unit', 1 FROM billing.rate_plans");
    }
};

TEST_F(lane_rivals_test, that_move_rows_before_every_commit_delay_a_batch_by_one_try) {
    test_lane before{connection_};
    before.store({make_.call(1, 1, "9198", 500), make_.call(2, 2, "9198", 500)});
    rival other{connection_, move_usage(1)};
    test_lane a{other.connection_string()};
    a.store({make_.call(3, 1, "9198", 200), make_.call(4, 2, "9198", 200),
             make_.call(5, 3, "9198", 200)}); // the last has no row yet

    EXPECT_EQ(a.retries(), (std::map<std::string, int>{{"stale", 1}}));
    EXPECT_EQ(other.moved(), 1);
    EXPECT_EQ(other.refused(), 1);
    EXPECT_EQ(one("SELECT string_agg(included_seconds_used || '/' || seconds_used, ' ' ORDER BY"
                  " seconds_used) FROM subscription_usage"),
              "200/200 600/710 600/710");
    EXPECT_EQ(one("SELECT sum(allowance_seconds) FROM cdrs"), "1380");

    a.store({make_.call(6, 3, "9198", 60)}); // remembers the rows again
    EXPECT_EQ(a.retries_of("stale"), 2);
}

TEST_F(lane_rivals_test, that_make_the_missing_rows_delay_a_batch_by_one_try) {
    rival other{connection_, move_usage(2)};
    test_lane a{other.connection_string()};
    a.store({make_.call(1, 1, "9198", 600), make_.call(2, 2, "9198", 600),
             make_.call(3, 3, "9198", 600)});

    EXPECT_EQ(a.retries(), (std::map<std::string, int>{{"stale", 1}}));
    EXPECT_EQ(other.moved() + other.refused(), 2);
    EXPECT_EQ(one("SELECT string_agg(included_seconds_used || '/' || seconds_used, ' ' ORDER BY"
                  " seconds_used) FROM subscription_usage"),
              "600/600 600/600 600/600");
    EXPECT_EQ(one("SELECT count(*) FROM cdrs"), "3");
}

TEST_F(lane_rivals_test, that_move_metrics_delay_a_batch_by_one_try) {
    price_messages();
    tests::event_maker events;
    rival other{connection_, move_metric("SUB-2", "5")};
    test_lane a{other.connection_string()};
    a.store({events.usage("a", 1, "sms", "1"), events.usage("b", 2, "sms", "1"),
             events.usage("c", 2, "sms", "1")});

    EXPECT_EQ(a.retries(), (std::map<std::string, int>{{"stale", 1}}));
    EXPECT_EQ(other.refused(), 1);
    EXPECT_EQ(one("SELECT string_agg(trim_scale(quantity)::text, ' ' ORDER BY quantity)"
                  " FROM billing.subscription_metric_usage"),
              "1 7");
    EXPECT_EQ(one("SELECT count(*) FROM ingest.event_identities"), "3");
}

// What a record adds to its period may depend on other records. A row that was created for a
// period which then gains nothing is not kept.
TEST_F(lane_rivals_test, leave_no_row_of_a_period_that_gains_nothing) {
    price_messages();
    tests::event_maker events;
    rival other{connection_, move_metric("SUB-2", "1e18") + ";" + move_usage(3)};
    test_lane a{other.connection_string()};
    auto const stored =
        a.store({events.usage("a", 2, "sms", "1"), events.usage("b", 3, "sms", "1")});

    EXPECT_EQ(stored[0].reason, record_error::amount_overflow);
    EXPECT_EQ(stored[1].state, entry_state::live);
    EXPECT_EQ(a.retries(), (std::map<std::string, int>{{"stale", 1}}));
    EXPECT_EQ(one("SELECT string_agg(subscription_number, ' ') FROM subscription_usage AS u"
                  " JOIN subscriptions AS s ON s.id = u.subscription_id"),
              "SUB-3");
    EXPECT_EQ(one("SELECT string_agg(event_id, ' ') FROM analytics.usage_events"), "b");
    EXPECT_EQ(one("SELECT count(*) FROM ingest.event_identities"), "1");
}

// A transaction that holds locks must end in the session in which it began.
TEST_F(lane_rivals_test, do_not_hinder_what_a_lost_connection_needs) {
    using enum tests::cutting_proxy::cut;
    std::uint32_t number = 0;
    for (auto const& [how, statement] : {std::pair{request, "tally_lock_usage"},
                                         {answer, "tally_lock_usage"},
                                         {request, "tally_load_usage"},
                                         {answer, "tally_load_usage"},
                                         {request, "tally_claim"},
                                         {answer, "tally_commit"}}) {
        SCOPED_TRACE(statement);
        rival other{connection_, move_usage(1)};
        // The message that executes the statement, not the one that prepares it.
        other.cut_later(how, std::string(1, '\0') + statement + '\0');
        test_lane a{other.connection_string()};
        a.store({make_.call(++number, 1, "4420", 60), make_.call(++number, 2, "4420", 60)});

        EXPECT_TRUE(other.has_cut());
        EXPECT_EQ(one("SELECT count(*) FROM cdrs"), std::to_string(number));
        EXPECT_EQ(one("SELECT sum(calls_count) FROM subscription_usage"), std::to_string(number));
        EXPECT_EQ(one("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database ="
                      " (SELECT oid FROM pg_database WHERE datname = current_database())"),
                  "0");
    }
    expect_sums("20.400000000");
}

TEST_F(lane_rivals_test, of_which_one_stores_much_and_one_often_both_go_on) {
    constexpr std::uint32_t batches = 5;
    constexpr std::uint32_t calls = 300;
    std::atomic<bool> done = false;
    int stored_often = 0;
    std::jthread often{[&] {
        call_maker make;
        test_lane small{connection_, 1};
        for (std::uint32_t n = 1'000'000; !done; n += 3) {
            auto entries =
                std::vector<ingest::cdr>{make.call(n, 1, "9198", 1), make.call(n + 1, 2, "9198", 1),
                                         make.call(n + 2, 3, "9198", 1)};
            small.store(entries);
            stored_often += 3;
        }
        EXPECT_FALSE(small.retries().contains("transient"));
    }};
    test_lane large{connection_};
    for (std::uint32_t batch = 0; batch < batches; ++batch) {
        std::vector<ingest::cdr> many;
        for (std::uint32_t i = 0; i < calls; ++i) {
            many.push_back(make_.call(batch * calls + i, 1 + static_cast<int>(i % 3), "9198", 2));
        }
        large.store(many);
    }
    done = true;
    often.join();

    EXPECT_LE(large.retries_of("stale"), static_cast<int>(batches));
    EXPECT_FALSE(large.retries().contains("transient"));
    EXPECT_EQ(one("SELECT count(*) FROM cdrs"), std::to_string(batches * calls + stored_often));
    EXPECT_EQ(one("SELECT string_agg(included_seconds_used::text, ' ') FROM subscription_usage"),
              "600 600 600");
    EXPECT_EQ(one("SELECT sum(allowance_seconds) FROM cdrs"), "1800");
    auto const sums = four_sums(connection_);
    EXPECT_THAT(sums, ::testing::Each(sums[0]));
}

} // namespace
} // namespace tally::storage
