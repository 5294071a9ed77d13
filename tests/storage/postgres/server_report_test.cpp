#include "storage/postgres/server_report.hpp"

#include <gtest/gtest.h>

namespace tally::storage {
namespace {

TEST(server_report, a_refused_login_is_shown_without_code_and_source_line) {
    std::string const verbose = "connection to server at \"db\" (10.0.0.1), port 5432 failed: "
                                "FATAL:  28P01: password authentication failed for user \"t\"\n"
                                "LOCATION:  auth_failed, auth.c:335";
    EXPECT_EQ(sqlstate_of_refusal(verbose), "28P01");
    EXPECT_EQ(plain_refusal(verbose),
              "connection to server at \"db\" (10.0.0.1), port 5432 failed: "
              "FATAL:  password authentication failed for user \"t\"");
}

TEST(server_report, every_attempt_of_a_refused_login_is_shown) {
    EXPECT_EQ(plain_refusal("a failed: FATAL:  28000: no entry\nLOCATION:  f, auth.c:1\n"
                            "b failed: FATAL:  28000: no entry\nDETAIL:  d: x\nOrt:  f, auth.c:1"),
              "a failed: FATAL:  no entry\nb failed: FATAL:  no entry\nDETAIL:  d: x");
}

TEST(server_report, a_message_of_libpq_itself_has_no_code_and_stays) {
    for (std::string const text : {"connection refused", "", "server at [::1]:  abcde: x",
                                   "see main.c:12", "FATAL:  28P0"}) {
        EXPECT_EQ(sqlstate_of_refusal(text), "") << text;
        EXPECT_EQ(plain_refusal(text), text);
    }
}

} // namespace
} // namespace tally::storage
