#pragma once

#include "ingest/journal/segment.hpp"
#include "storage/postgres/sql_session.hpp"
#include "tests/support/billing_fixture.hpp"
#include "tests/support/call_json.hpp"
#include "tests/support/daemon_process.hpp"
#include "tests/support/http_client.hpp"
#include "tests/support/private_postgres.hpp"

#include <cstdlib>
#include <filesystem>
#include <gtest/gtest.h>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace tally::tests {

/// Call `number`, of one of the accounts ACC-1 to ACC-5: 60 s to London, which cost 1.7.
inline call_json call_of(int number) {
    return call_json{number}
        .account(1 + number % 5)
        .with("answer_time", "2026-05-04T10:00:02Z")
        .with("end_time", "2026-05-04T10:01:02Z")
        .with("duration", 62);
}

inline std::string call(int number) {
    return call_of(number).line();
}

inline std::string calls(int origin, int target) {
    std::string body;
    for (int number = origin; number < target; ++number) {
        body += call(number);
    }
    return body;
}

/// A daemon with its own journal and database.
class journal_end_to_end : public testing::Test {
  protected:
    journal_end_to_end() {
        std::string folder =
            (std::filesystem::temp_directory_path() / "tallyd-journal-XXXXXX").string();
        folder_ = ::mkdtemp(folder.data());
        environment_["TALLYD_JOURNAL_DIR"] = (folder_ / "journal").string();
        environment_["TALLYD_JOURNAL_RETAIN_S"] = "0";
        connection_ = private_postgres::shared().migrated_database();
        environment_["TALLYD_DATABASE_URL"] = connection_;
        make_telecom(connection_, 5);
    }
    ~journal_end_to_end() override { std::filesystem::remove_all(folder_); }

    std::unique_ptr<daemon_process> start() {
        auto daemon = std::make_unique<daemon_process>(TALLY_BINARY, environment_);
        EXPECT_TRUE(daemon->wait_ready()) << daemon->log();
        return daemon;
    }
    static unsigned push(daemon_process const& daemon, std::string const& body,
                         std::string const& target = "/v1/cdrs") {
        return http_request(daemon.http_port(), "POST", target, body,
                            {{"Content-Type", "application/x-ndjson"}})
            .status;
    }
    std::string stored() const { return query_one(connection_, "SELECT count(*) FROM cdrs"); }
    /// Waits until so many calls are stored. Returns the number that is stored in the end.
    std::string wait_stored(std::string const& wanted) const {
        for (int tries = 0; tries < 600 && stored() != wanted; ++tries) {
            std::this_thread::sleep_for(std::chrono::milliseconds{50});
        }
        return stored();
    }
    /// Those that have room for records: not the ends of removed streams.
    std::vector<std::filesystem::path> segments() const {
        std::vector<std::filesystem::path> found;
        for (auto const& entry : std::filesystem::directory_iterator{folder_ / "journal"}) {
            if (entry.path().extension() == ".journal" &&
                entry.file_size() > ingest::segment_head_bytes) {
                found.push_back(entry.path());
            }
        }
        return found;
    }
    /// The number of streams that are marked as ended.
    std::size_t ends() const {
        std::size_t count = 0;
        for (auto const& entry : std::filesystem::directory_iterator{folder_ / "journal"}) {
            bool const is_end = entry.path().extension() == ".journal" &&
                                entry.file_size() == ingest::segment_head_bytes;
            count += is_end ? 1U : 0U;
        }
        return count;
    }
    /// Prevents every lane from storing anything during its lifetime.
    struct blockade {
        explicit blockade(std::string const& connection) : session(connection, "test") {
            session.execute("BEGIN; LOCK billing.subscription_usage IN EXCLUSIVE MODE");
        }
        storage::sql_session session;
    };

    std::filesystem::path folder_;
    std::string connection_;
    std::map<std::string, std::string> environment_;
};

} // namespace tally::tests
