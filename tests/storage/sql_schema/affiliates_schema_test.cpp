#include "tests/storage/sql_schema/context_fixture.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <atomic>
#include <random>
#include <set>
#include <thread>

// Affiliates: totals that are right after any change of referrals and commissions; payouts, clicks.

namespace tally::storage {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr char affiliate_kind = 'b';

/// Affiliates whose totals differ from the sums of their referrals and commissions, with both.
constexpr auto wrong_totals =
    "SELECT affiliate_code, total_referrals, total_conversions, pending_earnings, "
    "approved_earnings, paid_earnings, total_earnings, sums.* FROM affiliates a CROSS JOIN LATERAL "
    "(SELECT (SELECT count(*) FROM affiliate_referrals WHERE affiliate_id = a.id) AS brought, "
    "(SELECT count(*) FROM affiliate_referrals WHERE affiliate_id = a.id AND status = 'converted') "
    "AS converted, "
    "(SELECT coalesce(sum(amount), 0) FROM affiliate_commissions WHERE affiliate_id = a.id AND "
    "status = 'pending') AS pending, "
    "(SELECT coalesce(sum(amount), 0) FROM affiliate_commissions WHERE affiliate_id = a.id AND "
    "status = 'approved') AS approved, "
    "(SELECT coalesce(sum(amount), 0) FROM affiliate_commissions WHERE affiliate_id = a.id AND "
    "status = 'paid') AS paid) AS sums "
    "WHERE (total_referrals, total_conversions, pending_earnings, approved_earnings, "
    "paid_earnings, total_earnings) <> (brought, converted, pending, approved, paid, pending + "
    "approved + paid)";

class affiliates_schema : public context_test {
  protected:
    void SetUp() override { make_users(20); }

    static std::string affiliate(int index) { return id(affiliate_kind, index); }

    void make_affiliates(int count) {
        for (int index = 1; index <= count; ++index) {
            session_.query(
                "INSERT INTO affiliates (id, user_id, affiliate_code, status) VALUES ($1, $2, $3, "
                "'active')",
                {affiliate(index), user(index), "code-" + std::to_string(index)});
        }
    }
    std::string commission(int index, std::string const& status, std::string const& amount) {
        return value("INSERT INTO affiliate_commissions (affiliate_id, status, amount) VALUES ($1, "
                     "$2::affiliates.commission_status, $3) RETURNING id",
                     {affiliate(index), status, amount});
    }
    std::string batch(int index) {
        return value("SELECT affiliates.batch_commissions($1, now() + interval '1 minute')",
                     {affiliate(index)});
    }
    void set_payout(std::string const& payout, std::string const& status) {
        session_.query("UPDATE affiliate_payouts SET status = $2::affiliates.payout_status WHERE "
                       "id = $1",
                       {payout, status});
    }
    /// Pending, approved and paid earnings of the first affiliate.
    std::vector<std::string> earnings() {
        return rows("SELECT trim_scale(pending_earnings), trim_scale(approved_earnings), "
                    "trim_scale(paid_earnings) FROM affiliates WHERE affiliate_code = 'code-1'");
    }
};

/// A random walk of referrals and commissions through inserts, statuses, owners, amounts and
/// deletes, of one row or many at once.
class affiliate_walker {
  public:
    affiliate_walker(unsigned seed, std::vector<std::string> affiliates, std::string mark)
        : random_{seed}, affiliates_{std::move(affiliates)}, mark_{std::move(mark)} {}

    std::string next() {
        std::string const table = one_of({"affiliate_referrals", "affiliate_commissions"});
        bool const earns = table == "affiliate_commissions";
        std::string const status =
            earns ? one_of({"pending", "approved", "paid", "rejected", "reversed"})
                  : one_of({"pending", "qualified", "converted", "rejected", "expired"});
        std::string const some = " WHERE metadata ->> 'mark' = '" + mark_ +
                                 "' AND hashtext(id::text) % 7 = " + std::to_string(number(7)) +
                                 (number(2) == 0 ? "" : " AND status <> '" + status + "'");
        switch (number(8)) {
        case 0:
        case 1:
            return "INSERT INTO " + table + " (affiliate_id, status, metadata" +
                   (earns ? ", amount" : "") + ") SELECT a, '" + status + "', '{\"mark\": \"" +
                   mark_ + "\"}'" + (earns ? ", " + amount() : "") + " FROM unnest(" + list() +
                   ") AS a";
        case 2:
            return "UPDATE " + table + " SET affiliate_id = '" + one_of(affiliates_) + "'" + some;
        case 3:
            return "UPDATE " + table + " SET affiliate_id = '" + one_of(affiliates_) +
                   "', status = '" + status + "'" + some;
        case 4:
            return earns ? "UPDATE " + table + " SET amount = " + amount() + some
                         : "UPDATE " + table + " SET landing_page = 'x'" + some;
        case 5:
            return "DELETE FROM " + table + some;
        case 6: // some of the ids exist already
            return "INSERT INTO " + table + " (id, affiliate_id, status, metadata" +
                   (earns ? ", amount" : "") + ") SELECT md5('" + mark_ +
                   "' || a || r)::uuid, a, '" + status + "', '{\"mark\": \"" + mark_ + "\"}'" +
                   (earns ? ", " + amount() : "") + " FROM unnest(" + list() +
                   ") AS a, generate_series(1, 2) AS r ON CONFLICT (id) DO UPDATE SET status = "
                   "EXCLUDED.status" +
                   (earns ? ", amount = EXCLUDED.amount" : "");
        default:
            return "UPDATE " + table + " SET status = '" + status + "'" + some;
        }
    }

  private:
    unsigned number(unsigned below) { return static_cast<unsigned>(random_() % below); }
    std::string one_of(std::vector<std::string> const& choices) {
        return choices[number(static_cast<unsigned>(choices.size()))];
    }
    std::string amount() {
        return std::to_string(number(100)) + "." + std::to_string(number(1'000'000'000));
    }
    /// One or all affiliates, in random order.
    std::string list() {
        std::shuffle(affiliates_.begin(), affiliates_.end(), random_);
        std::string text;
        for (std::string const& each : affiliates_) {
            text += (text.empty() ? "" : ",") + each;
            if (number(3) == 0) {
                break;
            }
        }
        return "'{" + text + "}'::uuid[]";
    }

    std::mt19937 random_;
    std::vector<std::string> affiliates_;
    std::string mark_;
};

TEST_F(affiliates_schema, keeps_totals_through_every_change) {
    make_affiliates(3);
    auto const seed = std::random_device{}();
    SCOPED_TRACE("seed " + std::to_string(seed));
    affiliate_walker walker{seed, {affiliate(1), affiliate(2), affiliate(3)}, "x"};
    std::set<std::string> seen;
    for (int step = 0; step < 300; ++step) {
        std::string const sql = walker.next();
        session_.execute(sql);
        ASSERT_THAT(rows(wrong_totals), ElementsAre()) << "step " << step << ": " << sql;
        seen.insert(value("SELECT array_agg(total_earnings)::text FROM affiliates"));
    }
    EXPECT_GT(seen.size(), 50U) << "hardly anything happened";
    session_.execute("DELETE FROM affiliate_commissions; DELETE FROM affiliate_referrals");
    EXPECT_EQ(value("SELECT sum(total_earnings + total_referrals + total_conversions) = 0 FROM "
                    "affiliates"),
              "t");
}

TEST_F(affiliates_schema, keeps_totals_under_many_sessions_without_a_deadlock) {
    make_affiliates(4);
    {
        std::vector<std::jthread> threads;
        for (unsigned number = 0; number < 6; ++number) {
            threads.emplace_back([this, number] {
                sql_session session{database_, "test"};
                affiliate_walker walker{number,
                                        {affiliate(1), affiliate(2), affiliate(3), affiliate(4)},
                                        std::to_string(number)};
                for (int step = 0; step < 50; ++step) {
                    try {
                        session.execute(walker.next());
                    } catch (database_error const& error) {
                        ADD_FAILURE() << error.what();
                    }
                }
            });
        }
    }
    EXPECT_THAT(rows(wrong_totals), ElementsAre());
    EXPECT_EQ(value("SELECT count(*) > 0 FROM affiliate_commissions"), "t");
}

TEST_F(affiliates_schema, lets_nobody_set_totals_by_hand) {
    session_.execute("INSERT INTO affiliates (user_id, affiliate_code, total_referrals, "
                     "total_conversions, pending_earnings) VALUES (" +
                     quoted(user(1)) + ", 'code-1', 5, 2, 100)");
    EXPECT_THAT(rows("SELECT total_referrals, total_conversions, total_earnings = 0, "
                     "conversion_percent FROM affiliates"),
                ElementsAre("0|0|t|0.00"));
    EXPECT_EQ(refused("UPDATE affiliates SET paid_earnings = 1000"), "23000");
    EXPECT_THAT(text_, HasSubstr("totals of affiliate code-1 are kept by"));
    session_.execute("UPDATE affiliates SET paid_earnings = 0, company_name = 'Same totals'");
    EXPECT_EQ(refused("TRUNCATE affiliate_commissions"), "23000");
    EXPECT_EQ(refused("TRUNCATE affiliate_referrals CASCADE"), "23000");
    session_.execute("INSERT INTO affiliate_referrals (affiliate_id, status) SELECT id, s FROM "
                     "affiliates, unnest('{pending,converted,rejected}'::"
                     "affiliates.referral_status[]) AS s");
    EXPECT_EQ(value("SELECT conversion_percent FROM affiliates"), "33.33");
}

TEST_F(affiliates_schema, pays_approved_commissions_out_once) {
    make_affiliates(2);
    commission(1, "approved", "10.5");
    commission(1, "approved", "0.000000001");
    commission(1, "pending", "7");
    commission(2, "approved", "99");
    std::string const payout = batch(1);
    EXPECT_EQ(value("SELECT trim_scale(amount) FROM affiliate_payouts"), "10.500000001");
    EXPECT_EQ(batch(1), "NULL") << "they are batched already";
    EXPECT_THAT(earnings(), ElementsAre("7|10.500000001|0"));
    set_payout(payout, "processing");
    set_payout(payout, "completed");
    EXPECT_THAT(earnings(), ElementsAre("7|0|10.500000001"));
    EXPECT_EQ(value("SELECT count(*) FROM affiliate_commissions WHERE status = 'paid' AND paid_at "
                    "IS NOT NULL"),
              "2");
    set_payout(payout, "failed"); // the bank sent it back
    EXPECT_THAT(earnings(), ElementsAre("7|10.500000001|0"));
    std::string const again = batch(1);
    EXPECT_NE(again, payout);
    set_payout(again, "completed");
    EXPECT_THAT(earnings(), ElementsAre("7|0|10.500000001"));
    EXPECT_THAT(rows(wrong_totals), ElementsAre());
}

TEST_F(affiliates_schema, waits_with_a_payout_until_it_is_worth_it) {
    make_affiliates(1);
    session_.execute("UPDATE affiliates SET minimum_payout = 20");
    commission(1, "approved", "19.99");
    EXPECT_EQ(batch(1), "NULL");
    commission(1, "approved", "0.01");
    EXPECT_NE(batch(1), "NULL");
    EXPECT_EQ(value("SELECT affiliates.batch_commissions(public.uuid_v7())"), "NULL");
}

TEST_F(affiliates_schema, pays_no_other_sum_than_its_commissions) {
    make_affiliates(1);
    std::string const one = commission(1, "approved", "10");
    commission(1, "approved", "5");
    std::string const payout = batch(1);
    session_.query("UPDATE affiliate_commissions SET status = 'rejected' WHERE id = $1", {one});
    EXPECT_EQ(refused("UPDATE affiliate_payouts SET status = 'completed'"), "23514");
    EXPECT_THAT(text_, HasSubstr("its approved commissions sum to 5"));
    set_payout(payout, "cancelled");
    EXPECT_EQ(value("SELECT count(*) FROM affiliate_commissions WHERE payout_id IS NOT NULL"), "0");
    EXPECT_EQ(value("SELECT status FROM affiliate_commissions WHERE id = $1", {one}), "rejected");
}

TEST_F(affiliates_schema, batches_a_commission_once_when_many_sessions_do) {
    make_affiliates(1);
    for (int each = 0; each < 40; ++each) {
        commission(1, "approved", "1.25");
    }
    std::atomic<int> made = 0;
    {
        std::vector<std::jthread> threads;
        for (int number = 0; number < 6; ++number) {
            threads.emplace_back([&] {
                sql_session session{database_, "test"};
                made += session.query_value("SELECT affiliates.batch_commissions($1, now() + "
                                            "interval '1 minute')",
                                            {affiliate(1)})
                                .has_value()
                            ? 1
                            : 0;
            });
        }
    }
    EXPECT_EQ(made, 1);
    EXPECT_THAT(rows("SELECT count(*), trim_scale(sum(amount)) FROM affiliate_payouts"),
                ElementsAre("1|50"));
    EXPECT_EQ(value("SELECT count(*) FROM affiliate_commissions WHERE payout_id IS NULL"), "0");
}

TEST_F(affiliates_schema, counts_clicks_without_a_trigger) {
    make_affiliates(2);
    session_.query("INSERT INTO affiliate_clicks (affiliate_id, clicked_at, id, visitor_id, "
                   "utm_source, utm_medium, utm_campaign, utm_term, utm_content) SELECT $1, "
                   "date_trunc('month', now()) + interval '1 hour' * i, public.uuid_v7(), 'v' || i "
                   "% 2, 'news', 'mail', 'spring', 'shoes', 'top' FROM generate_series(1, 5) AS i",
                   {affiliate(1)});
    EXPECT_EQ(refused("INSERT INTO affiliate_clicks SELECT * FROM affiliate_clicks LIMIT 1"),
              "23505");
    EXPECT_THAT(rows("SELECT affiliate_code, clicks, unique_visitors, last_click_at IS NULL FROM "
                     "affiliate_performance ORDER BY 1"),
                ElementsAre("code-1|5|2|f", "code-2|0|0|t"));
    std::string const statistics =
        "SELECT utm_source, utm_medium, utm_campaign, clicks, unique_visitors FROM "
        "affiliates.click_statistics(date_trunc('month', now()) + interval '2 hours', "
        "date_trunc('month', now()) + interval '5 hours'";
    EXPECT_THAT(rows(statistics + ")"), ElementsAre("news|mail|spring|3|2"));
    EXPECT_THAT(rows(statistics + ", " + quoted(affiliate(2)) + ")"), ElementsAre());
    EXPECT_EQ(value("SELECT count(*) FROM pg_trigger WHERE tgrelid = "
                    "'affiliates.affiliate_clicks'::regclass"),
              "0");
    session_.execute("INSERT INTO affiliate_clicks (affiliate_id, clicked_at, id) VALUES "
                     "(public.uuid_v7(), now() + interval '1 month', public.uuid_v7())");
}

TEST_F(affiliates_schema, refuses_what_would_mix_money_or_lose_its_history) {
    make_affiliates(2);
    commission(1, "approved", "10");
    std::string const payout = batch(1);
    session_.execute("INSERT INTO affiliate_referrals (affiliate_id, referred_user_id) VALUES (" +
                     quoted(affiliate(2)) + "," + quoted(user(9)) + ")");
    std::string const move =
        "UPDATE affiliate_commissions SET affiliate_id = " + quoted(affiliate(2));
    std::string const brought_twice =
        "INSERT INTO affiliate_referrals (affiliate_id, referred_user_id) VALUES (" +
        quoted(affiliate(1)) + "," + quoted(user(9)) + ")";
    for (auto const& [sql, sqlstate, says] : {
             refused_statement{move.c_str(), "23503", "affiliate_commissions_payout_id_fkey"},
             {"UPDATE affiliate_commissions SET currency = 'EUR', payout_id = NULL", "23503",
              "affiliate_commissions_affiliate_id_fkey"},
             {"DELETE FROM affiliates WHERE affiliate_code = 'code-1'", "23503", "affiliate"},
             {"DELETE FROM affiliate_payouts", "23503", "affiliate_commissions_payout_id_fkey"},
             {"DELETE FROM users WHERE username = 'user-1'", "23503", "affiliates_user_id_fkey"},
             {"UPDATE affiliate_commissions SET amount = -1", "23514", "amount"},
             {"UPDATE affiliate_payouts SET amount = 0", "23514", "amount"},
             {"UPDATE affiliates SET commission_rate = 100.01", "23514", "commission_rate"},
             {"UPDATE affiliates SET commission_rate = -1", "23514", "commission_rate"},
             {"UPDATE affiliates SET affiliate_code = 'CODE-1' WHERE affiliate_code = 'code-2'",
              "23505", "affiliate_code"},
             {"UPDATE affiliates SET affiliate_code = 'a b'", "23514", "affiliate_code"},
             {brought_twice.c_str(), "23505", "referred_user_id"},
             {"UPDATE affiliate_referrals SET conversion_value = -1", "23514", "conversion_value"},
         }) {
        EXPECT_EQ(refused(sql), sqlstate) << sql << "\n" << text_;
        EXPECT_THAT(text_, HasSubstr(says)) << sql;
    }
    session_.execute("DELETE FROM users WHERE username = 'user-9'");
    session_.execute("DELETE FROM affiliates WHERE affiliate_code = 'code-2'");
    EXPECT_EQ(value("SELECT count(*) FROM affiliate_referrals"), "0");
}

} // namespace
} // namespace tally::storage
