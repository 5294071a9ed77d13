#include "rating/catalog/catalog.hpp"

#include "tests/rating/rater/builders.hpp"

#include <gtest/gtest.h>
#include <stdexcept>
#include <string>

namespace tally::rating::tests {
namespace {

std::shared_ptr<tariff const> plan() {
    return std::make_shared<tariff const>(plan_of({}));
}

catalog_input::subscription_row contract(std::uint8_t id, std::string number, catalog_index account,
                                         ingest::time_us begin = INT64_MIN,
                                         ingest::time_us end = INT64_MAX) {
    subscription s;
    s.id = id_of(id);
    s.account = account;
    s.plan = 0;
    s.active_from = begin;
    s.active_to = end;
    return {s, std::move(number)};
}

TEST(catalog, an_empty_one_knows_nobody) {
    catalog const empty(catalog_input{});
    EXPECT_EQ(empty.account_by_number("A-1"), no_index);
    EXPECT_EQ(empty.account_by_number(""), no_index);
    EXPECT_EQ(empty.subscription_by_number("S-1"), no_index);
    EXPECT_EQ(empty.subscription_by_id(id_of(1)), no_index);
    EXPECT_EQ(empty.subscription_by_id({}), no_index);
    EXPECT_EQ(empty.subscription_by_did("4420"), no_index);
    EXPECT_EQ(empty.accounts() + empty.subscriptions() + empty.dids() + empty.plans(), 0U);
}

TEST(catalog, finds_what_it_was_given) {
    catalog_input input;
    input.plans = {plan()};
    input.accounts = {{{id_of(1), {'E', 'U', 'R'}}, "A-1"}, {{id_of(2)}, "A-2"}};
    input.subscriptions = {contract(11, "S-1", 1), contract(12, "S-2", 0)};
    input.dids = {{"442071838750", 1}, {"+14155550100", 0}};
    catalog const known(std::move(input));

    EXPECT_EQ(known.account_by_number("A-2"), 1U);
    EXPECT_EQ(known.account_by_number("A-"), no_index);
    EXPECT_EQ(known.account_by_number("A-22"), no_index);
    EXPECT_EQ(known.account_at(0).id, id_of(1));
    EXPECT_EQ(known.account_at(0).currency, (std::array{'E', 'U', 'R'}));
    EXPECT_EQ(known.subscription_by_number("S-1"), 0U);
    EXPECT_EQ(known.subscription_by_id(id_of(12)), 1U);
    EXPECT_EQ(known.subscription_by_id(id_of(13)), no_index);
    EXPECT_EQ(known.subscription_at(1).account, 0U);
    EXPECT_EQ(known.subscription_by_did("442071838750"), 1U);
    EXPECT_EQ(known.subscription_by_did("14155550100"), 0U) << "given with a plus";
    EXPECT_EQ(known.subscription_by_did("+442071838750"), no_index);
    EXPECT_EQ(known.plan_at(0).head().code, "test");
    EXPECT_EQ(known.accounts(), 2U);
    EXPECT_EQ(known.subscriptions(), 2U);
    EXPECT_EQ(known.dids(), 2U);
    EXPECT_EQ(known.plans(), 1U);
}

TEST(catalog, of_names_alike_the_first_stays) {
    catalog_input input;
    input.plans = {plan()};
    input.accounts = {{{id_of(1)}, "A"}, {{id_of(2)}, "A"}};
    input.subscriptions = {contract(11, "S", 0), contract(11, "S", 1)};
    input.dids = {{"44", 0}, {"+44", 1}};
    catalog const known(std::move(input));
    EXPECT_EQ(known.account_by_number("A"), 0U);
    EXPECT_EQ(known.subscription_by_number("S"), 0U);
    EXPECT_EQ(known.subscription_by_id(id_of(11)), 0U);
    EXPECT_EQ(known.subscription_by_did("44"), 0U);
    EXPECT_EQ(known.dids(), 1U);
    EXPECT_EQ(known.accounts(), 2U);
}

TEST(catalog, a_did_may_be_out_of_service_or_nobodys) {
    catalog_input input;
    input.plans = {std::make_shared<tariff const>(plan_of({}))};
    input.accounts = {{{id_of(1)}, "A"}};
    input.subscriptions = {contract(1, "S", 0, 0, 1)};
    input.dids = {{"1", 0}, {"2", 0, false}, {"3", no_index}, {"4", no_index, false}};
    catalog const known(std::move(input));
    EXPECT_EQ(known.subscription_by_did("1"), 0U);
    EXPECT_EQ(known.subscription_by_did("2"), 0U);
    EXPECT_EQ(known.subscription_by_did("3"), no_index);
    EXPECT_EQ(known.subscription_by_did("4"), no_index);
    EXPECT_TRUE(known.is_active_did("1"));
    EXPECT_FALSE(known.is_active_did("2"));
    EXPECT_TRUE(known.is_active_did("3"));
    EXPECT_FALSE(known.is_active_did("4"));
    EXPECT_FALSE(known.is_active_did("5"));
}

TEST(catalog, an_empty_name_is_nobodys) {
    catalog_input input;
    input.plans = {plan()};
    input.accounts = {{{id_of(1)}, ""}};
    input.subscriptions = {contract(11, "", 0)};
    input.dids = {{"", 0}, {"+", 0}};
    catalog const known(std::move(input));
    EXPECT_EQ(known.account_by_number(""), no_index);
    EXPECT_EQ(known.subscription_by_number(""), no_index);
    EXPECT_EQ(known.subscription_by_did(""), no_index);
}

TEST(catalog, of_an_accounts_active_subscriptions_the_one_that_began_last_counts) {
    catalog_input input;
    input.plans = {plan()};
    input.accounts = {{{id_of(1)}, "A"}, {{id_of(2)}, "B"}, {{id_of(3)}, "C"}};
    input.subscriptions = {contract(11, "open", 1, 100), contract(12, "short", 1, 200, 300),
                           contract(13, "other", 0, 0, 50), contract(14, "late", 1, 400, 500)};
    catalog const known(std::move(input));
    EXPECT_EQ(known.active_subscription(1, 99), no_index);
    EXPECT_EQ(known.active_subscription(1, 100), 0U);
    EXPECT_EQ(known.active_subscription(1, 200), 1U);
    EXPECT_EQ(known.active_subscription(1, 299), 1U);
    EXPECT_EQ(known.active_subscription(1, 300), 0U);
    EXPECT_EQ(known.active_subscription(1, 450), 3U);
    EXPECT_EQ(known.active_subscription(1, INT64_MAX - 1), 0U);
    EXPECT_EQ(known.active_subscription(0, 49), 2U);
    EXPECT_EQ(known.active_subscription(0, 50), no_index);
    EXPECT_EQ(known.active_subscription(2, 49), no_index);
}

TEST(catalog, two_that_began_at_once_are_told_apart_whatever_their_order) {
    for (bool const swapped : {false, true}) {
        catalog_input input;
        input.plans = {plan()};
        input.accounts = {{{id_of(1)}, "A"}};
        input.subscriptions = {contract(11, "S-1", 0, 100), contract(12, "S-2", 0, 100)};
        if (swapped) {
            std::swap(input.subscriptions[0], input.subscriptions[1]);
        }
        catalog const known(std::move(input));
        EXPECT_EQ(known.subscription_at(known.active_subscription(0, 100)).id, id_of(12));
    }
}

TEST(catalog, refuses_rows_that_point_nowhere) {
    auto const build = [](auto change) {
        catalog_input input;
        input.plans = {plan()};
        input.accounts = {{{id_of(1)}, "A"}};
        input.subscriptions = {contract(11, "S", 0)};
        change(input);
        catalog const built(std::move(input));
    };
    EXPECT_NO_THROW(build([](catalog_input&) {}));
    EXPECT_THROW(build([](catalog_input& in) { in.subscriptions[0].value.account = 1; }),
                 std::invalid_argument);
    EXPECT_THROW(build([](catalog_input& in) { in.subscriptions[0].value.plan = no_index; }),
                 std::invalid_argument);
    EXPECT_THROW(build([](catalog_input& in) { in.plans = {nullptr}; }), std::invalid_argument);
    EXPECT_THROW(build([](catalog_input& in) { in.dids = {{"44", 7}}; }), std::invalid_argument);
    EXPECT_THROW(build([](catalog_input& in) { in.accounts[0].number.assign(70'000, 'x'); }),
                 std::length_error);
}

TEST(catalog, finds_each_of_many) {
    constexpr catalog_index many = 20'000;
    catalog_input input;
    input.plans = {plan()};
    for (catalog_index i = 0; i < many; ++i) {
        input.accounts.push_back({{}, "ACC-" + std::to_string(i)});
        auto row = contract(0, "SUB-" + std::to_string(i), many - 1 - i);
        std::memcpy(row.value.id.bytes.data(), &i, sizeof i);
        input.subscriptions.push_back(row);
        input.dids.push_back({std::to_string(440'000'000 + i), i});
    }
    catalog const known(std::move(input));
    for (catalog_index i = 0; i < many; ++i) {
        ingest::uuid id;
        std::memcpy(id.bytes.data(), &i, sizeof i);
        ASSERT_EQ(known.account_by_number("ACC-" + std::to_string(i)), i);
        ASSERT_EQ(known.subscription_by_number("SUB-" + std::to_string(i)), i);
        ASSERT_EQ(known.subscription_by_id(id), i);
        ASSERT_EQ(known.subscription_by_did(std::to_string(440'000'000 + i)), i);
        ASSERT_EQ(known.active_subscription(i, noon), many - 1 - i);
    }
    EXPECT_EQ(known.account_by_number("ACC-20000"), no_index);
}

} // namespace
} // namespace tally::rating::tests
