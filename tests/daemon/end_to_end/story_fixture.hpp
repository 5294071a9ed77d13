#pragma once

#include "tests/support/billing_fixture.hpp"
#include "tests/support/daemon_process.hpp"
#include "tests/support/event_json.hpp"
#include "tests/support/http_client.hpp"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tally::tests {

/// Base of the story tests: one of the systems that share the database reports events over HTTP to
/// a real daemon.
class story_fixture : public ::testing::Test {
  protected:
    story_fixture();

    /// An event with the next id.
    event_json event(std::string_view type, std::string_view time);
    /// Pushes events as NDJSON, waits for COMMIT and their effects, and remembers them. Returns the
    /// response body.
    std::string push(std::vector<event_json> const& events);
    /// Pushes all events again, the last one first, each alone and then all together: this must
    /// change nothing.
    void push_all_again();
    /// Waits until a query returns this result.
    void expect_soon(std::string_view sql, std::string const& answer) const;

    void sql(std::string_view statements) const { execute(database, statements); }
    [[nodiscard]] std::string ask(std::string_view question) const {
        return query_one(database, question);
    }
    [[nodiscard]] std::vector<std::string> rows(std::string_view question) const {
        return query_rows(database, question);
    }
    command_result tallyd(std::vector<std::string> const& words) const;

    std::string database;
    std::map<std::string, std::string> environment;
    std::unique_ptr<daemon_process> daemon;

  private:
    std::vector<event_json> message_;
    int next_id_ = 0;
};

} // namespace tally::tests
