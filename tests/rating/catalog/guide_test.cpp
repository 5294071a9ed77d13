#include "rating/catalog/guide.hpp"
#include "rating/number/match_digits.hpp"

#include "tests/rating/rater/builders.hpp"

#include <gtest/gtest.h>
#include <string>

namespace tally::rating::tests {
namespace {

using ingest::call_direction;
using ingest::record_error;

constexpr ingest::time_us day_us = 86'400 * ingest::us_per_s;

/// Account A has an old contract (0) and the present one (1). B has one contract (2) without an
/// end, with a DID. C has no contract. The DID of the old contract is still listed.
catalog const& book() {
    static catalog const built([] {
        catalog_input input;
        input.plans = {std::make_shared<tariff const>(plan_of({}))};
        input.accounts = {{{id_of(1)}, "A"}, {{id_of(2)}, "B"}, {{id_of(3)}, "C"}};
        auto const add = [&input](std::uint8_t id, char const* number, catalog_index account,
                                  ingest::time_us begin, ingest::time_us end) {
            subscription s;
            s.id = id_of(id);
            s.account = account;
            s.plan = 0;
            s.active_from = begin;
            s.active_to = end;
            input.subscriptions.push_back({s, number});
        };
        add(10, "S-0", 0, noon - 30 * day_us, noon);
        add(11, "S-1", 0, noon, noon + 30 * day_us);
        add(12, "S-2", 1, INT64_MIN, INT64_MAX);
        input.dids = {
            {"442071838750", 2}, {"14155550100", 0}, {"12345678901234567890123456789012", 2}};
        return input;
    }());
    return built;
}

ingest::cdr call(std::string_view subscription, std::string_view account, std::string_view caller,
                 std::string_view destination,
                 call_direction direction = call_direction::outbound) {
    ingest::cdr c = call_of(60);
    c.subscription_number = subscription;
    c.account_number = account;
    c.caller_id = caller;
    c.destination = destination;
    c.direction = direction;
    return c;
}

guided pays(catalog_index subscription, call_direction direction = call_direction::outbound) {
    return {subscription, record_error::none, direction};
}

guided nobody(record_error reason, call_direction direction = call_direction::outbound) {
    return {no_index, reason, direction};
}

TEST(guide, an_explicit_subscription_pays_before_all_else) {
    EXPECT_EQ(guide(call("S-2", "A", "14155550100", ""), book()), pays(2));
    EXPECT_EQ(guide(call("S-1", "B", "+442071838750", ""), book()), pays(1));
}

TEST(guide, a_subscription_may_be_named_by_its_id) {
    std::string const id = ingest::to_string(id_of(12));
    EXPECT_EQ(guide(call(id, "A", "", ""), book()), pays(2));
    std::string const other = ingest::to_string(id_of(99));
    EXPECT_EQ(guide(call(other, "A", "", ""), book()), nobody(record_error::unknown_subscription));
}

TEST(guide, an_unknown_subscription_or_account_is_never_guessed_around) {
    EXPECT_EQ(guide(call("S-9", "B", "+442071838750", ""), book()),
              nobody(record_error::unknown_subscription));
    EXPECT_EQ(guide(call("", "Z", "+442071838750", ""), book()),
              nobody(record_error::unknown_account));
}

TEST(guide, an_accounts_active_subscription_pays) {
    auto c = call("", "A", "", "");
    EXPECT_EQ(guide(c, book()), pays(1)) << "from its first moment on";
    c.start = noon - 1;
    EXPECT_EQ(guide(c, book()), pays(0));
    c.start = noon + 30 * day_us;
    EXPECT_EQ(guide(c, book()), nobody(record_error::no_active_subscription));
    EXPECT_EQ(guide(call("", "C", "+442071838750", ""), book()),
              nobody(record_error::no_active_subscription));
}

TEST(guide, the_start_counts_not_the_answer) {
    auto c = call("S-0", "", "", "");
    c.start = noon - 1;
    c.answer = noon + 5;
    EXPECT_EQ(guide(c, book()), pays(0));
    c.start = noon;
    EXPECT_EQ(guide(c, book()), nobody(record_error::no_active_subscription));
}

TEST(guide, the_caller_pays_outbound_and_the_called_inbound) {
    EXPECT_EQ(guide(call("", "", "+442071838750", "+33123456789"), book()), pays(2));
    EXPECT_EQ(guide(call("", "", "+33123456789", "+442071838750"), book()),
              nobody(record_error::unknown_number));
    EXPECT_EQ(guide(call("", "", "+33123456789", "+442071838750", call_direction::inbound), book()),
              pays(2, call_direction::inbound));
    EXPECT_EQ(guide(call("", "", "+442071838750", "+33123456789", call_direction::inbound), book()),
              nobody(record_error::unknown_number, call_direction::inbound));
}

TEST(guide, a_did_picks_its_own_subscription) {
    auto c = call("", "", "+1 (415) 555-0100", "");
    EXPECT_EQ(guide(c, book()), nobody(record_error::no_active_subscription))
        << "its contract is over, another of the account does not stand in";
    c.start = noon - 1;
    EXPECT_EQ(guide(c, book()), pays(0));
}

TEST(guide, reads_numbers_as_switches_write_them) {
    for (std::string_view const caller :
         {"442071838750", "+442071838750", "+44 20 7183 8750", "+44-20-7183-8750",
          "sip:+442071838750@10.0.0.1:5060;transport=udp", "SIP:442071838750", "tel:+442071838750",
          "sips:+442071838750@pbx.example", "442071838750@pbx.example", "442071838750;ext=1"}) {
        EXPECT_EQ(guide(call("", "", caller, ""), book()), pays(2)) << caller;
    }
}

TEST(guide, names_never_guide) {
    for (std::string_view const caller :
         {"", "anonymous", "Anonymous", "restricted", "sip:anonymous@anonymous.invalid",
          "442071838750x", "442071838750 Support", "442071838750\xc3\xa9", "+",
          "sip:", "unknown"}) {
        EXPECT_EQ(guide(call("", "", caller, ""), book()), nobody(record_error::unknown_number))
            << caller;
    }
}

TEST(guide, a_number_too_long_is_not_cut_to_one_that_is_known) {
    EXPECT_EQ(guide(call("", "", "12345678901234567890123456789012", ""), book()), pays(2));
    EXPECT_EQ(guide(call("", "", "123456789012345678901234567890123", ""), book()),
              nobody(record_error::unknown_number));
}

std::string digits_of(std::string_view number) {
    std::array<char, prefix_index::digits_max> buffer;
    return std::string(match_digits(number, buffer));
}

/// Two accounts, one on a plan with on-net rates and one on a plan without, and further DIDs.
catalog on_net_book() {
    rate special = rate_of("", {step(0, "0", 60, 60)});
    special.is_on_net = true;
    auto behind = content_of("UTC", {}, {special});
    auto asks = content_of("UTC", {}, {});
    asks.fallback = shared(std::move(behind));
    catalog_input input;
    input.plans = {shared(std::move(asks)), shared(content_of("UTC", {}, {}))};
    input.accounts = {{{id_of(1)}, "A"}, {{id_of(2)}, "B"}};
    for (catalog_index i = 0; i < 2; ++i) {
        subscription s;
        s.id = id_of(static_cast<std::uint8_t>(10 + i));
        s.account = i;
        s.plan = i;
        input.subscriptions.push_back({s, "S-" + std::to_string(i)});
    }
    input.dids = {{"442071838750", 1}, {"4420", 0, false}, {"4421", no_index}};
    return catalog(std::move(input));
}

TEST(guide, says_that_a_call_goes_to_one_of_our_active_dids) {
    catalog const catalog = on_net_book();
    for (auto const& [to, is_on_net] : {std::pair{"442071838750", true},
                                        {"sip:+44 20 7183-8750@here", true},
                                        {"4421", true},
                                        {"4420", false},
                                        {"4422", false},
                                        {"4421x", false},
                                        {"", false}}) {
        auto const found = guide(call("", "A", "", to), catalog);
        EXPECT_EQ(found.error, record_error::none);
        EXPECT_EQ(found.on_net, is_on_net) << to;
        // For a plan without on-net rates the DIDs are not searched.
        EXPECT_FALSE(guide(call("", "B", "", to), catalog).on_net) << to;
    }
    EXPECT_FALSE(guide(call("", "C", "", "4421"), catalog).on_net);
    auto const inbound = call("", "", "1", "442071838750", call_direction::inbound);
    EXPECT_EQ(guide(inbound, catalog).subscription, 1U);
}

TEST(match_digits, leaves_only_what_is_matched) {
    std::pair<std::string_view, std::string_view> const cases[] = {
        {"", ""},
        {"+", ""},
        {"44", "44"},
        {"+44", "44"},
        {"++44", ""},
        {"4+4", "4"},
        {" +44 (20) 7183-8750. ", "442071838750"},
        {"(+44) 20", "4420"},
        {"0044", "0044"},
        {"sip:1002@10.0.0.1", "1002"},
        {"sip:alice@10.0.0.1", ""},
        {"tel:+1-201-555-0123;phone-context=example", "12015550123"},
        {"1800FLOWERS", "1800"},
        {"*97", ""},
        {"97#", "97"},
        {"%2B44", ""},
        {"sip:sip:44", ""},
        {"si", ""},
    };
    for (auto const& [number, digits] : cases) {
        EXPECT_EQ(digits_of(number), digits) << number;
    }
    EXPECT_EQ(digits_of(std::string(100, '7')), std::string(prefix_index::digits_max, '7'));
    EXPECT_EQ(digits_of(std::string(100'000, ' ') + "7"), "7");
    EXPECT_EQ(digits_of(std::string_view("44\0"
                                         "20",
                                         5)),
              "44");
}

TEST(guide, an_assumed_direction_gives_way_to_whose_numbers_these_are) {
    auto assumed = [](std::string_view account, std::string_view caller,
                      std::string_view destination, call_direction answer) {
        auto record = call("", account, caller, destination, answer);
        record.direction_assumed = true;
        return guide(record, book());
    };
    auto const input = call_direction::inbound;
    auto const out = call_direction::outbound;
    // From our DID to elsewhere, and from elsewhere to it, whatever the switch called it.
    EXPECT_EQ(assumed("", "+442071838750", "+33123456789", input), pays(2, out));
    EXPECT_EQ(assumed("", "+33123456789", "+442071838750", out), pays(2, input));
    // Neither number is ours, or both are: the direction of the record remains.
    EXPECT_EQ(assumed("", "1", "2", input), nobody(record_error::unknown_number, input));
    EXPECT_EQ(assumed("", "+442071838750", "+442071838750", input), pays(2, input));
    // With an account in the record, only a DID of that account makes the call inbound.
    EXPECT_EQ(assumed("B", "+33123456789", "+442071838750", out), pays(2, input));
    EXPECT_EQ(assumed("A", "1001", "+442071838750", out), pays(1, out));
    EXPECT_EQ(assumed("B", "+442071838750", "+33123456789", out), pays(2, out));
}

} // namespace
} // namespace tally::rating::tests
