#include "ingest/record/payers.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace tally::ingest {
namespace {

payer any_payer() {
    payer one;
    one.account_id.bytes[15] = *rc::gen::inRange<std::uint8_t>(0, 3);
    one.subscription_id.bytes[0] = *rc::gen::inRange<std::uint8_t>(0, 3);
    one.error = *rc::gen::element(record_error::none, record_error::unknown_number,
                                  record_error::no_active_subscription);
    one.direction = *rc::gen::element(call_direction::outbound, call_direction::inbound);
    return one;
}

payers any_payers() {
    payers made;
    for (auto const record :
         *rc::gen::container<std::vector<std::uint32_t>>(rc::gen::inRange<std::uint32_t>(0, 50))) {
        made.set(record, any_payer());
    }
    return made;
}

RC_GTEST_PROP(payers, come_back_from_their_bytes, ()) {
    auto const made = any_payers();
    payers read;
    RC_ASSERT(read.decode(made.encode()));
    RC_ASSERT(read == made);
    RC_ASSERT(made.empty() == made.encode().empty());
}

RC_GTEST_PROP(payers, take_truncated_bytes_for_no_decision_or_for_fewer_records, ()) {
    auto const made = any_payers();
    auto const bytes = made.encode();
    auto const size = *rc::gen::inRange<std::size_t>(0, bytes.size() + 1);
    payers read;
    if (!read.decode(std::string_view{bytes}.substr(0, size))) {
        RC_ASSERT(read.empty());
        return;
    }
    for (std::uint32_t record = 0; record < 50; ++record) {
        if (auto const* const one = read.of(record)) {
            RC_ASSERT(made.of(record) != nullptr);
            RC_ASSERT(*one == *made.of(record));
        }
    }
}

RC_GTEST_PROP(payers, survive_any_bytes, ()) {
    payers read;
    if (!read.decode(*rc::gen::arbitrary<std::string>())) {
        RC_ASSERT(read.empty());
    }
}

TEST(payers, keep_the_last_decision_for_a_record) {
    payers made;
    payer one;
    one.account_id.bytes[0] = 1;
    made.set(2, one);
    EXPECT_EQ(made.of(0), nullptr);
    EXPECT_EQ(made.of(9), nullptr);
    ASSERT_NE(made.of(2), nullptr);
    one.error = record_error::unknown_number;
    made.set(2, one);
    EXPECT_EQ(*made.of(2), one);
}

} // namespace
} // namespace tally::ingest
