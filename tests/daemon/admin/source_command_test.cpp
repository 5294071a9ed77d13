#include "daemon/admin/source_token.hpp"
#include "tests/support/billing_fixture.hpp"
#include "tests/support/daemon_process.hpp"
#include "tests/support/private_postgres.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
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

TEST_F(source_command, rules_are_checked_stored_tried_and_shown) {
    auto const rules = R"({"national_prefix":"0","country_code":"91"})";
    auto const added = source({"add", "pbx", "--no-token", "--number-rules", rules});
    EXPECT_EQ(added.exit_code, 0) << added.out;
    EXPECT_THAT(source({"rules", "pbx"}).out, HasSubstr(R"("country_code": "91")"));
    EXPECT_THAT(source({"list"}).out, HasSubstr("yes"));
    auto const tried = source({"rules", "pbx", "--try", "09812345678", "--try", "112"});
    EXPECT_THAT(tried.out, HasSubstr("national prefix 0 replaced by 91"));
    EXPECT_THAT(tried.out, HasSubstr("a short code: kept as sent"));
    EXPECT_THAT(source({"rules", "pbx", "--json", "--try", "+4420"}).out,
                HasSubstr(R"({"sent":"+4420","becomes":"4420","because":"international with +"})"));

    // --try stores nothing; --set does.
    auto const other = R"({"international_prefixes":["0"]})";
    EXPECT_THAT(source({"rules", "pbx", "--set", other, "--try", "09812345678"}).out,
                HasSubstr("international prefix removed"));
    EXPECT_THAT(source({"rules", "pbx"}).out, HasSubstr("country_code"));
    EXPECT_EQ(source({"rules", "pbx", "--set", other}).exit_code, 0);
    EXPECT_EQ(query_one(connection_, "SELECT number_rules FROM sources WHERE name = 'pbx'"),
              R"({"international_prefixes": ["0"]})");
    EXPECT_EQ(source({"rules", "nobody"}).exit_code, 1);
}

TEST_F(source_command, rules_that_cannot_be_read_are_refused_with_every_reason) {
    auto const bad = R"({"country_code":"0","strip":"9"})";
    auto const added = source({"add", "pbx", "--number-rules", bad});
    EXPECT_EQ(added.exit_code, 1);
    EXPECT_THAT(added.out, HasSubstr("country_code: '0' is none"));
    EXPECT_THAT(added.out, HasSubstr("strip: no such rule"));
    EXPECT_EQ(query_one(connection_, "SELECT count(*) FROM sources WHERE name <> 'local'"), "0");
    EXPECT_EQ(source({"rules", "local", "--set", bad}).exit_code, 1);
    EXPECT_EQ(source({"rules", "local", "--set", "@/no/such/file"}).exit_code, 1);
    EXPECT_EQ(query_one(connection_, "SELECT number_rules FROM sources WHERE name = 'local'"),
              "{}");
}

// A record is the same call with number rules and without them.
TEST_F(source_command, rules_reach_what_is_imported_and_dry_runs) {
    tests::make_telecom(connection_, 1);
    EXPECT_EQ(source({"rules", "local", "--set",
                      R"({"national_prefix":"0","country_code":"91",)"
                      R"("international_prefixes":["00"]})"})
                  .exit_code,
              0);
    auto folder = (std::filesystem::temp_directory_path() / "tallyd-rules-XXXXXX").string();
    ASSERT_NE(::mkdtemp(folder.data()), nullptr);
    auto const file = folder + "/calls.ndjson";
    std::ofstream{file} << R"({"uuid":"c0000000-0000-4000-8000-000000000001",)"
                           R"("direction":"outbound","caller_id":"08000000001",)"
                           R"("destination":"00442071234567","metadata":{"a":1},)"
                           R"("start_time":"2026-05-04T10:00:00Z",)"
                           R"("answer_time":"2026-05-04T10:00:00Z",)"
                           R"("end_time":"2026-05-04T10:01:00Z","duration":60,"billsec":60})";
    auto const import = [&](std::vector<std::string> words) {
        words.insert(words.begin(), {"import", file, "--format", "canonical", "--json"});
        return tests::run_tallyd(TALLY_BINARY, words, environment_).out;
    };
    EXPECT_THAT(import({"--dry-run"}), HasSubstr(R"("committed":1)"));
    EXPECT_THAT(import({}), HasSubstr(R"("committed":1)"));
    EXPECT_EQ(query_one(connection_, "SELECT concat_ws(' ', caller_id, destination, "
                                     "matched_prefix, cost, metadata) FROM billing.cdrs"),
              R"(918000000001 442071234567 44 1.700000000 {"a": 1, "sent_caller_id": )"
              R"("08000000001", "sent_destination": "00442071234567"})");
    // The same call without rules: a duplicate, not a conflict.
    EXPECT_EQ(source({"rules", "local", "--set", "{}"}).exit_code, 0);
    auto text = std::string{};
    std::getline(std::ifstream{file}, text);
    text.insert(1, R"("account_number":"ACC-1",)");
    std::ofstream{file} << text << '\n';
    EXPECT_THAT(import({}), HasSubstr(R"("duplicate":1)"));
    std::filesystem::remove_all(folder);
}

} // namespace
} // namespace tally
