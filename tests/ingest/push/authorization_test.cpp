#include "ingest/push/authorization.hpp"

#include "tests/ingest/push/test_sink.hpp"

#include <gtest/gtest.h>

namespace tally::tests {
namespace {

using ingest::http_response;

struct caller {
    std::string authorization = {};
    bool from_loopback = true;
    std::string origin = {};
};

/// The source's name, or the status of the response.
std::string whose(std::vector<ingest::source> sources, caller const& origin) {
    std::vector<ingest::http_field> const fields{{"authorization", origin.authorization},
                                                 {"Origin", origin.origin}};
    ingest::http_head head;
    head.fields = fields;
    head.from_loopback = origin.from_loopback;
    auto const table = std::make_shared<ingest::source_table const>(std::move(sources));
    auto const result = ingest::authorize_push(head, table);
    if (auto const* refusal = std::get_if<http_response>(&result))
        return std::to_string(refusal->status);
    return std::get<0>(result)->name;
}

std::vector<ingest::source> with_tokens() {
    ingest::source disabled = source_with_token("old", "old-token");
    disabled.is_active = false;
    return {{}, source_with_token("pbx", "pbx-token"), disabled};
}

TEST(push_authorization, without_tokens_only_this_machine_may_push) {
    EXPECT_EQ(whose({{}}, {}), "local");
    EXPECT_EQ(whose({{}}, {.from_loopback = false}), "403");
    EXPECT_EQ(whose({{}}, {.authorization = "Bearer x", .from_loopback = false}), "403");
    EXPECT_EQ(whose({{}}, {.authorization = "Bearer x"}), "local");
}

TEST(push_authorization, a_web_page_cannot_push_through_its_visitor) {
    EXPECT_EQ(whose({{}}, {.origin = "https://example.org"}), "403");
    EXPECT_EQ(whose(with_tokens(), {.authorization = "Bearer pbx-token", .origin = "https://x"}),
              "pbx");
}

TEST(push_authorization, with_tokens_everybody_needs_one) {
    for (bool const near : {true, false}) {
        EXPECT_EQ(whose(with_tokens(), {"Bearer pbx-token", near, {}}), "pbx");
        EXPECT_EQ(whose(with_tokens(), {"bearer   pbx-token ", near, {}}), "pbx");
        EXPECT_EQ(whose(with_tokens(), {"", near, {}}), "401");
        EXPECT_EQ(whose(with_tokens(), {"Bearer", near, {}}), "401");
        EXPECT_EQ(whose(with_tokens(), {"Bearer wrong", near, {}}), "401");
        EXPECT_EQ(whose(with_tokens(), {"Token pbx-token", near, {}}), "401");
        EXPECT_EQ(whose(with_tokens(), {"Bearer " + std::string(100'000, 'x'), near, {}}), "401");
    }
}

TEST(push_authorization, takes_the_password_of_basic_as_token) {
    // switch:pbx-token, :pbx-token, pbx-token, switch:pbx-tokeN
    EXPECT_EQ(whose(with_tokens(), {"Basic c3dpdGNoOnBieC10b2tlbg==", true, {}}), "pbx");
    EXPECT_EQ(whose(with_tokens(), {"Basic OnBieC10b2tlbg==", true, {}}), "pbx");
    EXPECT_EQ(whose(with_tokens(), {"Basic cGJ4LXRva2Vu", true, {}}), "401");
    EXPECT_EQ(whose(with_tokens(), {"Basic c3dpdGNoOnBieC10b2tlTg==", true, {}}), "401");
    for (std::string const rubbish : {"", "=", "====", "!!!!", "c3dpdGNoOnBieC10b2tlbg="})
        EXPECT_EQ(whose(with_tokens(), {"Basic " + rubbish, true, {}}), "401") << rubbish;
}

TEST(push_authorization, says_how_to_authenticate) {
    ingest::http_head const head;
    auto const table = std::make_shared<ingest::source_table const>(with_tokens());
    auto const result = ingest::authorize_push(head, table);
    auto const& refusal = std::get<http_response>(result);
    ASSERT_EQ(refusal.fields.size(), 2u);
    EXPECT_EQ(refusal.fields[0].first, "WWW-Authenticate");
    EXPECT_EQ(refusal.fields[0].second, "Bearer realm=\"tallyd\"");
    EXPECT_EQ(refusal.fields[1].second, "Basic realm=\"tallyd\"");
}

TEST(push_authorization, a_disabled_source_may_not_push) {
    EXPECT_EQ(whose(with_tokens(), {"Bearer old-token", true, {}}), "403");
    ingest::source local;
    local.is_active = false;
    EXPECT_EQ(whose({local}, {}), "403");
}

} // namespace
} // namespace tally::tests
