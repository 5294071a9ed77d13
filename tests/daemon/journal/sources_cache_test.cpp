#include "daemon/journal/sources_cache.hpp"
#include "ingest/json/number_rules.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sys/stat.h>

#include <gtest/gtest.h>

namespace tally::tests {
namespace {

namespace fs = std::filesystem;
using ingest::source;
using ingest::source_table;

/// A source whose every member differs from its default.
source unusual() {
    source each;
    each.id = ingest::uuid_v5({}, "pbx");
    each.name = "pbx \"7\"\n";
    each.token_sha256 = ingest::token_digest("secret");
    each.has_token = true;
    each.is_active = false;
    each.formats = {"freeswitch", "asterisk"};
    each.time_zone = "Asia/Kolkata";
    each.b_legs = ingest::b_leg_policy::skip;
    each.percent = ingest::percent_policy::never;
    each.numbers =
        ingest::read_number_rules(R"({"national_prefix":"0","country_code":"91"})").rules;
    each.body_bytes_max = 1234;
    each.record_bytes_max = 123;
    return each;
}

std::shared_ptr<source_table const> table() {
    return std::make_shared<source_table>(std::vector<source>{unusual(), source{}});
}

class sources_cache : public ::testing::Test {
  protected:
    sources_cache() {
        std::string folder = (fs::temp_directory_path() / "tallyd-sources-XXXXXX").string();
        folder_ = ::mkdtemp(folder.data());
    }
    ~sources_cache() override { fs::remove_all(folder_); }

    fs::path file() const { return folder_ / "sources.cache"; }

    fs::path folder_;
};

TEST_F(sources_cache, has_what_was_stored) {
    EXPECT_EQ(daemon::sources_cache{folder_}.load(), nullptr) << "there is no file yet";
    daemon::sources_cache{folder_}.store(table());
    auto const loaded = daemon::sources_cache{folder_}.load();
    ASSERT_NE(loaded, nullptr);
    EXPECT_EQ(loaded->all(), table()->all());
    EXPECT_NE(loaded->by_token("secret"), nullptr);
    EXPECT_TRUE(loaded->any_token());
}

TEST_F(sources_cache, is_for_its_owner_and_has_no_token) {
    daemon::sources_cache{folder_}.store(table());
    struct stat found {};
    ASSERT_EQ(::stat(file().c_str(), &found), 0);
    EXPECT_EQ(found.st_mode & 0777U, 0600U);
    EXPECT_EQ(daemon::encode_sources(*table()).find("secret"), std::string::npos);
    EXPECT_EQ(std::distance(fs::directory_iterator{folder_}, fs::directory_iterator{}), 1);
}

TEST_F(sources_cache, is_replaced_when_the_sources_change) {
    daemon::sources_cache cache{folder_};
    cache.store(table());
    auto const written = fs::last_write_time(file()) - std::chrono::hours{1};
    fs::last_write_time(file(), written);
    cache.store(table());
    EXPECT_EQ(fs::last_write_time(file()), written) << "the same sources are not written again";
    auto enabled = unusual();
    enabled.is_active = true;
    auto const changed = std::make_shared<source_table>(std::vector<source>{enabled});
    cache.store(changed);
    EXPECT_EQ(daemon::sources_cache{folder_}.load()->all(), changed->all());
}

TEST_F(sources_cache, is_ignored_when_it_is_torn) {
    auto const whole = daemon::encode_sources(*table());
    std::string problem;
    for (std::size_t length = 0; length < whole.size(); ++length) {
        EXPECT_EQ(daemon::decode_sources(std::string_view{whole}.substr(0, length), problem),
                  nullptr)
            << length;
    }
    for (std::size_t i = 0; i < whole.size(); ++i) {
        auto damaged = whole;
        damaged[i] = static_cast<char>(damaged[i] ^ 1);
        EXPECT_EQ(daemon::decode_sources(damaged, problem), nullptr) << i;
    }
    std::ofstream{file(), std::ios::binary} << whole.substr(0, whole.size() / 2);
    EXPECT_EQ(daemon::sources_cache{folder_}.load(), nullptr);
}

TEST_F(sources_cache, is_ignored_when_it_is_of_another_version) {
    auto newer = daemon::encode_sources(*table());
    newer[8] = 2;
    std::string problem;
    EXPECT_EQ(daemon::decode_sources(newer, problem), nullptr);
    EXPECT_EQ(problem, "it is of version 2, not 1");
}

} // namespace
} // namespace tally::tests
