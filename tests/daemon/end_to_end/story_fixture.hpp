#pragma once

#include "tests/support/billing_fixture.hpp"
#include "tests/support/daemon_process.hpp"
#include "tests/support/http_client.hpp"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tally::tests {

/// What one of the systems that share the database lives through, told by events over HTTP to a
/// real daemon.
class story_fixture : public ::testing::Test {
  protected:
    story_fixture();

    /// A structured CloudEvent; ids count up. `rest` are more members: ,"subject":"SUB-1".
    std::string event(std::string_view type, std::string_view time, std::string_view data,
                      std::string_view rest = {});
    /// Pushes events, NDJSON, and waits for COMMIT; the answer's body. Remembers them.
    std::string push(std::vector<std::string> const& events);
    /// Everything pushed so far once more, the last first, each on its own and then all at once:
    /// nothing may change.
    void push_all_again();
    /// Waits until a question has this answer.
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
    std::vector<std::string> told_;
    int next_id_ = 0;
};

} // namespace tally::tests
