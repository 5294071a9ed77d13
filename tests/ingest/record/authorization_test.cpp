#include "ingest/record/authorization.hpp"

#include "tests/ingest/push/test_sink.hpp"

#include <gtest/gtest.h>

namespace tally::tests {
namespace {

using ingest::refusal_kind;
using ingest::sender_refusal;

std::shared_ptr<ingest::source_table const> table_of(std::vector<ingest::source> sources) {
    return std::make_shared<ingest::source_table const>(std::move(sources));
}

std::vector<ingest::source> with_tokens() {
    ingest::source disabled = source_with_token("old", "old-token");
    disabled.is_active = false;
    return {{}, source_with_token("pbx", "pbx-token"), disabled};
}

/// The source's name; empty if the sender is refused.
std::string owner_of(std::string_view token, bool is_loopback,
                     std::vector<ingest::source> sources) {
    auto const result = ingest::authorize(token, is_loopback, table_of(std::move(sources)));
    auto const* const owner = std::get_if<0>(&result);
    return owner == nullptr ? "" : (*owner)->name;
}

sender_refusal refusal_of(std::string_view token, bool is_loopback,
                          std::vector<ingest::source> sources) {
    auto const result = ingest::authorize(token, is_loopback, table_of(std::move(sources)));
    return std::get<sender_refusal>(result);
}

TEST(authorization, gives_the_local_source_to_this_machine_while_there_is_no_token) {
    EXPECT_EQ(owner_of("", true, {{}}), "local");
    EXPECT_EQ(owner_of("any", true, {{}}), "local");
    EXPECT_EQ(refusal_of("", false, {{}}),
              (sender_refusal{refusal_kind::forbidden,
                              "no source has a token yet, so only this machine itself may push; "
                              "add one with 'tallyd source add'"}));
}

TEST(authorization, asks_everybody_for_a_token_once_there_is_one) {
    sender_refusal const missing{refusal_kind::unauthorized,
                                 "send the source's token: 'Authorization: Bearer <token>'"};
    for (bool const is_loopback : {true, false}) {
        EXPECT_EQ(owner_of("pbx-token", is_loopback, with_tokens()), "pbx");
        EXPECT_EQ(refusal_of("", is_loopback, with_tokens()), missing);
        EXPECT_EQ(refusal_of(std::string(100'000, 'x'), is_loopback, with_tokens()), missing);
        EXPECT_EQ(refusal_of("wrong", is_loopback, with_tokens()),
                  (sender_refusal{refusal_kind::unauthorized, "no source has this token"}));
    }
}

TEST(authorization, refuses_a_disabled_source_whatever_its_token) {
    EXPECT_EQ(refusal_of("old-token", true, with_tokens()),
              (sender_refusal{refusal_kind::forbidden, "the source 'old' is disabled"}));
    ingest::source local;
    local.is_active = false;
    EXPECT_EQ(refusal_of("", true, {local}).detail, "the source 'local' is disabled");
}

TEST(authorization, limits_a_source_to_its_formats) {
    ingest::source source;
    EXPECT_TRUE(ingest::allows_format(source, "freeswitch"));
    source.formats = {"asterisk", "canonical"};
    EXPECT_FALSE(ingest::allows_format(source, "freeswitch"));
    EXPECT_TRUE(ingest::allows_format(source, "canonical"));
}

TEST(authorization, gives_a_source_that_outlives_its_table) {
    auto table = table_of({{}});
    auto const result = ingest::authorize("", true, table);
    std::weak_ptr const watched = table;
    table.reset();
    EXPECT_FALSE(watched.expired());
    EXPECT_EQ(std::get<0>(result)->name, "local");
}

} // namespace
} // namespace tally::tests
