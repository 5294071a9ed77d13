#include "daemon/source_token.hpp"
#include "tests/support/billing_fixture.hpp"
#include "tests/support/daemon_process.hpp"
#include "tests/support/private_postgres.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace tally {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using tests::query_one;

TEST(source_token, is_long_random_and_safe_in_a_header) {
    std::set<std::string> tokens;
    for (int i = 0; i < 1000; ++i) {
        auto const token = daemon::new_source_token();
        EXPECT_EQ(token.size(), 43u); // 32 bytes
        EXPECT_EQ(token.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                          "0123456789-_"),
                  std::string::npos);
        tokens.insert(token);
    }
    EXPECT_EQ(tokens.size(), 1000u);
}

TEST(source_token, is_stored_as_its_sha256) {
    // FIPS 180-2, appendix B.1
    EXPECT_EQ(daemon::token_sha256_hex("abc"),
              "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

class source_command : public ::testing::Test {
  protected:
    source_command() { environment_["TALLYD_DATABASE_URL"] = connection_; }

    tests::command_result source(std::vector<std::string> words) const {
        words.insert(words.begin(), "source");
        return tests::run_tallyd(TALLY_BINARY, words, environment_);
    }
    /// The token that a command printed.
    static std::string token_in(std::string const& out) {
        auto const begin = out.find(": ") + 2;
        return out.substr(begin, out.find('\n') - begin);
    }
    std::string stored_digest() const {
        return query_one(connection_,
                         "SELECT encode(token_sha256, 'hex') FROM sources WHERE name = 'pbx'");
    }

    std::string connection_ = tests::private_postgres::shared().migrated_database();
    std::map<std::string, std::string> environment_;
};

TEST_F(source_command, add_prints_a_token_once_and_keeps_its_digest) {
    auto const added = source({"add", "pbx", "--timezone", "Europe/Berlin", "--formats",
                               "asterisk,freeswitch", "--b-legs", "skip", "--percent", "off"});
    EXPECT_EQ(added.exit_code, 0) << added.out;
    auto const token = token_in(added.out);
    EXPECT_EQ(token.size(), 43u) << added.out;
    EXPECT_EQ(stored_digest(), daemon::token_sha256_hex(token));
    EXPECT_EQ(query_one(connection_, "SELECT concat_ws(' ', time_zone, formats, b_legs, "
                                     "percent_decode, is_active) FROM sources WHERE name = 'pbx'"),
              "Europe/Berlin {asterisk,freeswitch} skip off t");
    auto const listed = source({"list"});
    EXPECT_THAT(listed.out, HasSubstr("asterisk,freeswitch  Europe/Berlin  skip"));
    EXPECT_THAT(listed.out, Not(HasSubstr(token)));
    EXPECT_THAT(source({"list", "--json"}).out,
                HasSubstr(R"("formats":["asterisk","freeswitch"])"));

    auto const again = source({"add", "pbx"});
    EXPECT_EQ(again.exit_code, 1);
    EXPECT_EQ(stored_digest(), daemon::token_sha256_hex(token));
}

TEST_F(source_command, rotate_replaces_the_token) {
    auto const first = token_in(source({"add", "pbx"}).out);
    auto const second = token_in(source({"rotate", "pbx"}).out);
    EXPECT_NE(first, second);
    EXPECT_EQ(stored_digest(), daemon::token_sha256_hex(second));
    EXPECT_EQ(source({"rotate", "nobody"}).exit_code, 1);
}

TEST_F(source_command, disable_and_enable_switch_it) {
    EXPECT_EQ(source({"add", "pbx", "--no-token"}).exit_code, 0);
    EXPECT_EQ(stored_digest(), "");
    auto const is_active = [this] {
        return query_one(connection_, "SELECT is_active FROM sources WHERE name = 'pbx'");
    };
    EXPECT_EQ(source({"disable", "pbx"}).exit_code, 0);
    EXPECT_EQ(is_active(), "f");
    EXPECT_EQ(source({"enable", "pbx"}).exit_code, 0);
    EXPECT_EQ(is_active(), "t");
    EXPECT_EQ(source({"disable", "nobody"}).exit_code, 1);
}

TEST_F(source_command, refuses_what_no_source_can_have) {
    EXPECT_EQ(source({"add", "bad name"}).exit_code, 2);
    EXPECT_EQ(source({"add", std::string(64, 'x')}).exit_code, 2);
    EXPECT_EQ(source({"add", "pbx", "--timezone", "Mars/Olympus"}).exit_code, 2);
    EXPECT_EQ(source({"add", "pbx", "--formats", "asterisk,morse"}).exit_code, 2);
    EXPECT_EQ(source({"add", "pbx", "--b-legs", "maybe"}).exit_code, 2);
    EXPECT_EQ(query_one(connection_, "SELECT count(*) FROM sources WHERE name <> 'local'"), "0");
}

} // namespace
} // namespace tally
