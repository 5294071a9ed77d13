#include "storage/postgres/sql_session.hpp"
#include "tests/storage/batch/batch_fixture.hpp"

#include "storage/postgres/pq_connection.hpp"
#include "tests/support/cutting_proxy.hpp"

#include <array>
#include <chrono>
#include <thread>

// The outcome of a batch whose connection is lost, at each stage, and of a batch beside other
// sessions that write the same rows.

namespace {

using namespace tally;
using namespace tally::tests;
using cut = cutting_proxy::cut;
using storage::batch_writer;
using storage::failure;

class lost_connection : public batch_fixture {
  protected:
    void SetUp() override {
        batch_fixture::SetUp();
        proxy = std::make_unique<cutting_proxy>(database);
        lane = std::make_unique<batch_writer>(proxy->connection_string(), purpose, any_day);
        make_partition(*lane);
    }

    /// Ends the lane's session as soon as it waits for a lock.
    void terminate_when_it_waits() const {
        for (int tries = 0; tries < 500; ++tries) {
            if (ask(std::string{"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE"
                                " wait_event_type = 'Lock' AND datname = current_database() AND"
                                " application_name = '"} +
                    purpose + "'") == "t") {
                return;
            }
            std::this_thread::sleep_for(std::chrono::milliseconds{10});
        }
        ADD_FAILURE() << "the lane does not wait";
    }
    /// Commits while another session holds what `lock_sql` locks; the committing session is
    /// terminated meanwhile.
    failure commit_behind(std::string const& lock_sql, storage::batch const& rows) {
        storage::sql_session other{database, "test"};
        storage::sql_transaction const holding{other};
        other.execute(lock_sql);
        std::jthread killer{[this] { terminate_when_it_waits(); }};
        auto const reason = lane->commit(rows, counts).reason;
        killer.join();
        return reason;
    }
    bool is_committed(storage::batch const& rows) {
        auto const stored = lane->is_committed(rows.id);
        EXPECT_TRUE(stored.ok()) << stored.status().detail;
        return stored.ok() && *stored;
    }
    /// Expects that the writer connects again by itself and stores the batch.
    void expect_it_goes_in(storage::batch const& rows) {
        auto const outcome = lane->commit(rows, counts);
        EXPECT_TRUE(outcome.ok()) << outcome.sqlstate << ' ' << outcome.detail;
        EXPECT_EQ(ask("SELECT count(*) FROM billing.cdrs"), std::to_string(rows.calls.size()));
    }
    storage::batch full_batch() {
        auto batch = one_call(1, 1, 1'000'000'000);
        batch.suspense = {{ingest::record_error::no_rate, "", local_source, "canonical", "x"}};
        return batch;
    }
    /// What is left of a batch whose calls are written ahead.
    static storage::batch rest_of(storage::batch whole) {
        whole.written_ahead.add(whole.calls);
        whole.calls.clear();
        return whole;
    }

    static constexpr char const* purpose = "tallyd test lane";
    std::unique_ptr<cutting_proxy> proxy;
    std::unique_ptr<batch_writer> lane;
    storage::commit_counts counts;
};

TEST_F(lost_connection, between_batches_is_transient_and_the_next_try_succeeds) {
    execute(database, std::string{"SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                                  " WHERE application_name = '"} +
                          purpose + "' AND datname = current_database()");
    std::this_thread::sleep_for(std::chrono::milliseconds{50});
    auto const batch = full_batch();
    EXPECT_EQ(lane->commit(batch, counts).reason, failure::transient);
    expect_nothing_stored();
    expect_it_goes_in(batch);
}

// lock_rows() connects by itself, so the batch may belong to the session before.
TEST_F(lost_connection, after_a_batch_of_another_session_is_replaced) {
    auto batch = full_batch();
    ASSERT_TRUE(lane->lock_rows(batch.usage, {}).ok());
    batch.session = lane->session() + 1;
    EXPECT_EQ(lane->commit(batch, counts).reason, failure::stale);
    execute(database, std::string{"SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
                                  " WHERE application_name = '"} +
                          purpose + "' AND datname = current_database()");
    std::array const keys{storage::usage_key{batch.usage[0].subscription_id, period_start}};
    std::vector<storage::usage_state> states;
    EXPECT_EQ(lane->load_usage(keys, states).reason, failure::transient);
    EXPECT_TRUE(lane->load_usage(keys, states).ok()) << "the next request connects again";
    batch.session = 0;
    expect_it_goes_in(batch);
}

TEST_F(lost_connection, at_any_stage_before_commit_is_transient_and_stores_nothing) {
    auto const batch = full_batch();
    for (auto const& lock : {std::string{"LOCK billing.subscription_usage IN SHARE MODE"},
                             std::string{"LOCK ingest.suspense IN SHARE MODE"},
                             std::string{"LOCK billing.cdrs_p20260504 IN SHARE MODE"},
                             std::string{"SELECT FROM billing.accounts FOR UPDATE"},
                             std::string{"LOCK analytics.usage_aggregates_daily IN SHARE MODE"},
                             std::string{"LOCK ingest.batches IN SHARE MODE"}}) {
        // The foreign key's check locks rows of accounts too, so the first stage waits here.
        EXPECT_EQ(commit_behind(lock, batch), failure::transient) << lock;
        expect_nothing_stored();
        EXPECT_FALSE(is_committed(batch));
    }
    expect_it_goes_in(batch);
}

// Nothing arrives and nothing is closed: a session that waits in COPY would wait forever.
TEST_F(lost_connection, that_stands_still_does_not_keep_a_cancelled_lane) {
    proxy->arm(cut::answer, "PGCOPY"); // no answer contains this text
    std::jthread canceller{[this] {
        while (!proxy->has_cut()) {
            std::this_thread::sleep_for(std::chrono::milliseconds{5});
        }
        lane->cancel();
    }};
    EXPECT_EQ(lane->commit(full_batch(), counts).reason, failure::transient);
    canceller.join();
    expect_nothing_stored();
}

TEST_F(lost_connection, within_commit_is_unknown) {
    execute(database, R"(
        CREATE FUNCTION wait_in_commit() RETURNS trigger LANGUAGE plpgsql AS
            'BEGIN PERFORM pg_advisory_xact_lock(77); RETURN NULL; END';
        CREATE CONSTRAINT TRIGGER late AFTER INSERT ON ingest.batches DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW EXECUTE FUNCTION wait_in_commit())");
    auto const batch = full_batch();
    EXPECT_EQ(commit_behind("SELECT pg_advisory_xact_lock(77)", batch), failure::unknown);
    EXPECT_FALSE(is_committed(batch));
    expect_nothing_stored();
    expect_it_goes_in(batch);
}

// A batch that grew is asked for as any other: its claim was taken before its first piece.
TEST_F(lost_connection, after_commit_of_a_batch_that_grew_is_unknown_and_all_is_stored) {
    auto const whole = full_batch();
    ASSERT_TRUE(lane->write_ahead(whole).ok());
    expect_nothing_stored();

    proxy->arm(cut::answer, "tally_commit");
    EXPECT_EQ(lane->commit(rest_of(whole), counts).reason, failure::unknown);
    EXPECT_TRUE(proxy->has_cut());
    EXPECT_TRUE(is_committed(whole));
    EXPECT_EQ(ask("SELECT count(*) FROM billing.cdrs"), "1");
    EXPECT_EQ(ask("SELECT committed FROM ingest.batches"), "1");
}

TEST_F(lost_connection, within_a_batch_that_grows_is_transient_and_stores_nothing) {
    auto const whole = full_batch();
    ASSERT_TRUE(lane->write_ahead(whole).ok());
    proxy->arm(cut::request, "tally_usage");
    EXPECT_EQ(lane->commit(rest_of(whole), counts).reason, failure::transient);
    EXPECT_FALSE(is_committed(whole));
    expect_nothing_stored();
    expect_it_goes_in(whole);
}

TEST_F(lost_connection, that_takes_the_commit_with_it_is_unknown_and_stores_nothing) {
    auto const batch = full_batch();
    proxy->arm(cut::request, "tally_commit");
    EXPECT_EQ(lane->commit(batch, counts).reason, failure::unknown);
    EXPECT_TRUE(proxy->has_cut());
    EXPECT_FALSE(is_committed(batch));
    expect_nothing_stored();
    expect_it_goes_in(batch);
}

TEST_F(lost_connection, that_takes_the_answer_to_commit_is_unknown_and_the_batch_is_there) {
    auto const batch = full_batch();
    proxy->arm(cut::answer, "tally_commit");
    EXPECT_EQ(lane->commit(batch, counts).reason, failure::unknown);
    EXPECT_TRUE(proxy->has_cut());
    EXPECT_TRUE(is_committed(batch));
    EXPECT_EQ(four_sums(database), std::vector<std::string>(4, "1.000000000"));
    EXPECT_EQ(lane->commit(batch, counts).reason, failure::stale); // one changed row is enough
}

TEST_F(lost_connection, right_behind_the_copy_does_not_go_on_in_another_session) {
    auto const batch = full_batch();
    proxy->arm(cut::after_answer, "COPY 1");
    // The last statements may or may not have been sent before the loss was noticed.
    auto const reason = lane->commit(batch, counts).reason;
    EXPECT_TRUE(reason == failure::transient || reason == failure::unknown);
    EXPECT_TRUE(proxy->has_cut());
    EXPECT_FALSE(is_committed(batch));
    expect_nothing_stored();
    expect_it_goes_in(batch);
}

TEST_F(lost_connection, at_each_request_stores_all_or_nothing) {
    for (auto const* cursor : {"tally_begin", "tally_usage", "COPY billing.cdrs", "PGCOPY",
                               "tally_balances", "tally_batch_row"}) {
        for (auto const options : {cut::request, cut::answer, cut::before_answer}) {
            auto const batch = full_batch();
            proxy->arm(options, cursor);
            auto const reason = lane->commit(batch, counts).reason;
            EXPECT_TRUE(proxy->has_cut()) << cursor;
            EXPECT_TRUE(reason == failure::transient || reason == failure::unknown) << cursor;
            if (is_committed(batch)) {
                EXPECT_EQ(reason, failure::unknown) << cursor;
                EXPECT_EQ(four_sums(database), std::vector<std::string>(4, "1.000000000"));
                TearDown();
                SetUp();
            } else {
                expect_nothing_stored();
            }
        }
    }
}

TEST_F(lost_connection, is_committed_waits_for_a_commit_that_goes_on_without_its_client) {
    execute(database, R"(
        CREATE FUNCTION wait_in_commit() RETURNS trigger LANGUAGE plpgsql AS
            'BEGIN PERFORM pg_advisory_xact_lock(77); RETURN NULL; END';
        CREATE CONSTRAINT TRIGGER late AFTER INSERT ON ingest.batches DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW EXECUTE FUNCTION wait_in_commit())");
    storage::sql_session other{database, "test"};
    auto holding = std::make_unique<storage::sql_transaction>(other);
    other.execute("SELECT pg_advisory_xact_lock(77)");
    auto const batch = full_batch();
    proxy->arm(cut::before_answer, "tally_commit");
    EXPECT_EQ(lane->commit(batch, counts).reason, failure::unknown);
    std::jthread releasing{[&] {
        std::this_thread::sleep_for(std::chrono::milliseconds{400});
        holding.reset();
    }};
    EXPECT_TRUE(is_committed(batch));
    releasing.join();
}

TEST_F(lost_connection, a_pinned_connection_is_not_opened_again) {
    storage::pq_connection connection{database, "tallyd pinned"};
    ASSERT_TRUE(connection.open().ok());
    {
        storage::pq_connection::pin const one_session{connection};
        execute(database, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                          " WHERE application_name = 'tallyd pinned'");
        EXPECT_EQ(connection.execute("SELECT 1").reason, failure::transient);
        EXPECT_EQ(connection.execute("SELECT 1").reason, failure::transient);
    }
    EXPECT_TRUE(connection.execute("SELECT 1").ok());
}

class rivals : public batch_fixture {
  protected:
    void SetUp() override {
        batch_fixture::SetUp();
        batch_writer first{database, "tallyd first", any_day};
        make_partition(first);
    }
};

// The row comes into being between the lock of those that exist and the insert of those that do
// not. It is not locked then, so what is read of it would not hold.
TEST_F(rivals, that_create_a_row_make_the_locks_of_a_batch_stale) {
    batch_writer lane{database, "tallyd lane", any_day};
    auto const batch = one_call(1, 1, 1'000'000'000);
    auto const& row = batch.usage[0];
    storage::sql_session other{database, "test"};
    storage::sql_transaction creation{other};
    other.query("INSERT INTO billing.subscription_usage (subscription_id, account_id,"
                " billing_period_start, billing_period_end, currency, created_at, updated_at)"
                " SELECT $1::uuid, $2::uuid, to_timestamp($3::bigint / 1000000),"
                " to_timestamp($4::bigint / 1000000), 'INR', now(), now()",
                {ingest::to_string(row.subscription_id), ingest::to_string(row.account_id),
                 std::to_string(row.period_start), std::to_string(row.period_end)});

    storage::result status;
    std::jthread locking{[&] { status = lane.lock_rows(batch.usage, {}); }};
    for (int tries = 0; tries < 500 && ask("SELECT count(*) FROM pg_stat_activity WHERE"
                                           " wait_event_type = 'Lock' AND datname ="
                                           " current_database()") != "1";
         ++tries) {
        std::this_thread::sleep_for(std::chrono::milliseconds{10});
    }
    creation.commit();
    locking.join();
    EXPECT_EQ(status.reason, failure::stale) << status.detail;

    EXPECT_TRUE(lane.lock_rows(batch.usage, {}).ok());
    lane.roll_back();
}

TEST_F(rivals, on_one_subscription_lose_no_update) {
    constexpr int rounds = 25;
    std::array<int, 2> stale{};
    std::array<std::deque<storage::batch>, 2> prepared;
    for (std::uint32_t i = 0; i < 2 * rounds; ++i) {
        prepared[i % 2].push_back(one_call(i, 1, 1'000'000'001));
    }
    storage::usage_key const key{subscription_id(1), period_start};
    auto const write = [&](std::size_t owner) {
        batch_writer lane{database, "tallyd rival " + std::to_string(owner), any_day};
        storage::commit_counts counts;
        for (auto& batch : prepared[owner]) {
            failure reason = failure::stale;
            while (reason == failure::stale) {
                std::vector<storage::usage_state> state;
                ASSERT_TRUE(lane.load_usage(std::span{&key, 1}, state).ok());
                batch.usage[0].expected_version = state[0].version;
                reason = lane.commit(batch, counts).reason;
                stale[owner] += reason == failure::stale ? 1 : 0;
            }
            ASSERT_EQ(reason, failure::none);
        }
    };
    std::jthread other{write, 1};
    write(0);
    other.join();
    EXPECT_EQ(four_sums(database), std::vector<std::string>(4, "50.000000050"));
    EXPECT_EQ(ask("SELECT version || ' ' || calls_count FROM billing.subscription_usage"), "50 50");
    RecordProperty("stale", stale[0] + stale[1]);
}

TEST_F(rivals, that_touch_the_same_rows_in_other_orders_never_deadlock) {
    constexpr int rounds = 60;
    auto const make = [this](bool backwards) {
        auto batch = new_batch();
        for (int i = 1; i <= accounts; ++i) {
            int const account = backwards ? accounts + 1 - i : i;
            batch.balances.push_back({account_id(account), {1}});
            batch.daily.push_back({account_id(account),
                                   subscription_id(account),
                                   20'577,
                                   "calls",
                                   1,
                                   1,
                                   1,
                                   {1},
                                   {'I', 'N', 'R'}});
        }
        return batch;
    };
    auto const forth = make(false);
    auto const back = make(true);
    std::deque<std::string> texts;
    for (int i = 0; i < rounds; ++i) {
        texts.push_back("payload " + std::to_string(i));
    }
    auto const write = [&](storage::batch batch, bool backwards) {
        batch_writer lane{database, backwards ? "tallyd back" : "tallyd forth", any_day};
        for (int i = 0; i < rounds; ++i) {
            batch.id = ingest::uuid_v7();
            batch.suspense.clear();
            for (int j = 0; j < 3; ++j) {
                auto const index = static_cast<std::size_t>((i + (backwards ? 2 - j : j)) % rounds);
                batch.suspense.push_back(
                    {ingest::record_error::no_rate, "", local_source, "canonical", texts[index]});
            }
            storage::commit_counts counts;
            auto const status = lane.commit(batch, counts);
            ASSERT_TRUE(status.ok()) << status.sqlstate << ' ' << status.detail;
        }
    };
    std::jthread other{write, back, true};
    write(forth, false);
    other.join();
    EXPECT_EQ(ask("SELECT string_agg(DISTINCT balance::text, ' ') FROM billing.accounts"),
              "99.999999880");
    EXPECT_EQ(ask("SELECT string_agg(DISTINCT events::text, ' ') FROM"
                  " analytics.usage_aggregates_daily"),
              "120");
    EXPECT_EQ(ask("SELECT count(*) FROM ingest.suspense"), "60");
}

} // namespace
