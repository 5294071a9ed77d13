#include "tests/daemon/end_to_end/story_fixture.hpp"

#include "tests/support/effects.hpp"
#include "tests/support/private_postgres.hpp"
#include "tests/support/slowness.hpp"

#include <chrono>
#include <thread>

namespace tally::tests {

story_fixture::story_fixture() : database{private_postgres::shared().migrated_database()} {
    environment["TALLYD_DATABASE_URL"] = database;
    environment["TALLYD_SUSPENSE_AUTO_ATTEMPTS_MAX"] = "0"; // each story retries explicitly
    daemon = std::make_unique<daemon_process>(TALLY_BINARY, environment);
    EXPECT_TRUE(daemon->wait_ready()) << daemon->log();
}

event_json story_fixture::event(std::string_view type, std::string_view time) {
    return event_json{type, "story-" + std::to_string(++next_id_)}.with("time", time);
}

std::string story_fixture::push(std::vector<event_json> const& events) {
    std::string body;
    for (auto const& each : events) {
        body += each.line();
        message_.push_back(each);
    }
    auto const answer = http_request(daemon->http_port(), "POST", "/v1/events?ack=commit", body,
                                     {{"Content-Type", "application/x-ndjson"}});
    EXPECT_EQ(answer.status, 200U) << answer.body << daemon->log();
    EXPECT_TRUE(wait_for_effects(database)) << daemon->log();
    return answer.body;
}

void story_fixture::push_all_again() {
    auto const message = message_;
    std::vector<event_json> const last_first(message.rbegin(), message.rend());
    for (auto const& each : last_first) {
        push({each});
    }
    push(message);
    message_ = message;
}

void story_fixture::expect_soon(std::string_view question, std::string const& answer) const {
    auto const deadline = std::chrono::steady_clock::now() + std::chrono::seconds{20} * slowness;
    while (ask(question) != answer && std::chrono::steady_clock::now() < deadline) {
        std::this_thread::sleep_for(std::chrono::milliseconds{20});
    }
    EXPECT_EQ(ask(question), answer) << question;
}

command_result story_fixture::tallyd(std::vector<std::string> const& words) const {
    return run_tallyd(TALLY_BINARY, words, environment);
}

} // namespace tally::tests
