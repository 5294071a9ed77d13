#include "rating/number/number_normalizer.hpp"

#include "ingest/json/number_rules.hpp"
#include "rating/catalog/guide.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <rapidcheck/gtest.h>

#include <array>

namespace {

using namespace tally;
using rating::normalize;
using rating::number_form;

ingest::number_rules rules_of(std::string_view json) {
    auto read = ingest::read_number_rules(json);
    EXPECT_THAT(read.problems, ::testing::IsEmpty());
    return read.rules;
}

/// An Indian office whose exchange dials 9 for an outside line.
ingest::number_rules india() {
    return rules_of(R"({"international_prefixes":["00","011"],"national_prefix":"0",
        "country_code":"91","national_lengths":[10],"short_codes":["1800180"],
        "rewrites":[{"prefix":"b00","replacement":""},{"prefix":"*31#","replacement":""},
                    {"prefix":"99100","replacement":"100"}]})");
}

struct sent_number {
    char const* sent;
    char const* becomes; ///< empty: kept as sent
    number_form form;
};

class number_rules_india : public ::testing::TestWithParam<sent_number> {};

TEST_P(number_rules_india, make_e164_of_what_is_sent) {
    auto const& test = GetParam();
    std::array<char, rating::prefix_index::digits_max> buffer;
    auto const found = normalize(test.sent, india(), buffer);
    EXPECT_EQ(found.digits, test.becomes) << test.sent;
    EXPECT_EQ(found.form, test.form) << test.sent;
}

INSTANTIATE_TEST_SUITE_P(
    all, number_rules_india,
    ::testing::Values(sent_number{"+919812345678", "919812345678", number_form::plus},
                      sent_number{"00919812345678", "919812345678", number_form::after_prefix},
                      sent_number{"01144207946000", "44207946000", number_form::after_prefix},
                      sent_number{"00034911234567", "34911234567", number_form::after_prefix},
                      sent_number{"09812345678", "919812345678", number_form::national_prefix},
                      sent_number{"9812345678", "919812345678", number_form::national_length},
                      sent_number{"919812345678", "919812345678", number_form::as_it_is},
                      sent_number{"34911234567", "34911234567", number_form::as_it_is},
                      sent_number{"sip:00919812345678@10.0.0.1;user=phone", "919812345678",
                                  number_form::after_prefix},
                      sent_number{"TEL:+44 (20) 7946-0000;ext=5", "442079460000",
                                  number_form::plus},
                      sent_number{"b00919812345678", "919812345678", number_form::as_it_is},
                      sent_number{"*31#09812345678", "919812345678", number_form::national_prefix},
                      sent_number{"+1", "1", number_form::plus},
                      // Emergency and short codes are ordinary prefixes of the tariff.
                      sent_number{"112", "", number_form::short_code},
                      sent_number{"100000", "", number_form::short_code},
                      sent_number{"0800", "", number_form::short_code},
                      sent_number{"1800180", "", number_form::short_code},
                      // Texts that are not numbers.
                      sent_number{"", "", number_form::no_number},
                      sent_number{"+", "", number_form::no_number},
                      sent_number{"anonymous", "", number_form::no_number},
                      sent_number{"Anonymous@anonymous.invalid", "", number_form::no_number},
                      sent_number{"24seven", "", number_form::no_number},
                      sent_number{"*60", "", number_form::no_number},
                      sent_number{"0098x", "", number_form::no_number},
                      sent_number{"+44+20", "", number_form::no_number},
                      sent_number{"\xc3\xa4"
                                  "9812345678",
                                  "", number_form::no_number},
                      sent_number{"123456789012345678901234567890123", "", number_form::no_number},
                      // Nothing remains after the prefix: the digits are kept.
                      sent_number{"0000000", "91000000", number_form::national_prefix}));

TEST(number_rules, without_any_everything_stays_as_sent) {
    std::array<char, rating::prefix_index::digits_max> buffer;
    for (auto const* sent : {"+919812345678", "0098", "sip:1@2", ""}) {
        EXPECT_EQ(normalize(sent, {}, buffer).digits, "") << sent;
    }
    ingest::record_batch batch;
    ingest::cdr call;
    call.caller_id = "+91 98";
    call.destination = "0044";
    batch.cdrs.push_back(call);
    rating::apply_number_rules(batch, {});
    EXPECT_EQ(batch.cdrs.front(), call);
}

TEST(number_rules, the_first_rewrite_that_fits_is_applied_and_named) {
    auto const rules = rules_of(R"({"rewrites":[{"prefix":"77","replacement":"44"},
        {"prefix":"7","replacement":"1"},{"prefix":"44","replacement":"7"}]})");
    std::array<char, rating::prefix_index::digits_max> buffer;
    auto const first = normalize("77123456", rules, buffer);
    EXPECT_EQ(first.digits, "44123456"); // and not rewritten again
    EXPECT_EQ(first.rewrite, 0U);
    EXPECT_EQ(normalize("7123456", rules, buffer).digits, "1123456");
    EXPECT_EQ(normalize("9123456", rules, buffer).rewrite, rating::normal_number::no_rewrite);
}

TEST(number_rules, a_rewrite_may_give_the_plus_of_an_international_number) {
    auto const rules = rules_of(R"({"country_code":"91","national_lengths":[10],
        "rewrites":[{"prefix":"8","replacement":"+"}]})");
    std::array<char, rating::prefix_index::digits_max> buffer;
    EXPECT_EQ(normalize("81234567890", rules, buffer).digits, "1234567890");
}

TEST(number_rules, a_batch_keeps_what_was_sent_where_more_than_a_plus_went) {
    ingest::record_batch batch;
    ingest::cdr call;
    call.caller_id = "+919812345678";
    call.destination = "09887654321";
    batch.cdrs.push_back(call);
    call.caller_id = "anonymous";
    call.destination = "00442079460000";
    batch.cdrs.push_back(call);
    rating::apply_number_rules(batch, india());

    EXPECT_EQ(batch.cdrs[0].caller_id, "919812345678");
    EXPECT_EQ(batch.cdrs[0].sent_caller_id, "");
    EXPECT_EQ(batch.cdrs[0].destination, "919887654321");
    EXPECT_EQ(batch.cdrs[0].sent_destination, "09887654321");
    EXPECT_EQ(batch.cdrs[1].caller_id, "anonymous");
    EXPECT_EQ(batch.cdrs[1].destination, "442079460000");
    EXPECT_EQ(batch.cdrs[1].sent_destination, "00442079460000");
}

// Two reports of one call are equal, whatever the rules were at the time of each.
TEST(number_rules, one_call_is_the_same_with_and_without_them) {
    ingest::cdr plain;
    plain.caller_id = "+919812345678";
    plain.destination = "09887654321";
    ingest::record_batch batch;
    batch.cdrs.push_back(plain);
    rating::apply_number_rules(batch, india());
    auto const& normal = batch.cdrs.front();
    EXPECT_TRUE(same_content(plain, normal));
    EXPECT_TRUE(same_content(normal, plain));
    auto international = plain;
    international.caller_id = "919812345678";
    international.destination = "+919887654321";
    EXPECT_TRUE(same_content(normal, international));
    EXPECT_FALSE(same_content(plain, international)); // nothing says that these are one number
    auto other = plain;
    other.destination = "09887654322";
    EXPECT_FALSE(same_content(normal, other));
}

rc::Gen<std::string> characters(char const* origin, std::size_t most) {
    return rc::gen::mapcat(
        rc::gen::inRange<std::size_t>(0, most + 1), [origin](std::size_t length) {
            return rc::gen::container<std::string>(length, rc::gen::elementOf(std::string{origin}));
        });
}

RC_GTEST_PROP(number_rules, any_text_ends_within_the_buffer, ()) {
    auto const text = *rc::gen::oneOf(characters("0123456789+*#b9 ()-.@;:sipSIPtel\xff", 70),
                                      rc::gen::arbitrary<std::string>());
    std::array<char, rating::prefix_index::digits_max> buffer;
    auto const digits = normalize(text, india(), buffer).digits;
    RC_ASSERT(digits.size() <= buffer.size());
    RC_ASSERT(digits.find_first_not_of("0123456789") == std::string_view::npos);
}

RC_GTEST_PROP(number_rules, e164_stays_what_it_is, ()) {
    auto const tail = *characters("0123456789", 14);
    std::string const number = *rc::gen::elementOf(std::string{"123456789"}) + tail;
    std::array<char, rating::prefix_index::digits_max> buffer;
    RC_ASSERT(normalize("+" + number, india(), buffer).digits == number);
}

RC_GTEST_PROP(number_rules, the_outcome_is_international_and_stays_so, ()) {
    auto const sent = *characters("00112345678999+ ", 20);
    std::array<char, rating::prefix_index::digits_max> buffer;
    std::array<char, rating::prefix_index::digits_max> again;
    auto const once = std::string{normalize(sent, india(), buffer).digits};
    if (!once.empty()) {
        RC_ASSERT(normalize("+" + once, india(), again).digits == once);
    }
}

} // namespace
