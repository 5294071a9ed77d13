#pragma once

#include "tests/support/daemon_process.hpp"

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace tally::tests {

/// The output of `tallyd rate`: its lines of JSON, and standard error.
struct rate_answers {
    int exit_code = -1;
    std::vector<std::string> lines;
    std::string messages;
};

/// Runs the real `tallyd rate` with plans and questions in a temporary folder. No database.
class rate_fixture {
  public:
    rate_fixture();
    ~rate_fixture();
    rate_fixture(rate_fixture const&) = delete;
    rate_fixture& operator=(rate_fixture const&) = delete;

    /// Writes a file into the folder and returns its path.
    std::string write(std::string const& name, std::string_view text) const;
    /// Returns the answers to `input` by this plan.
    [[nodiscard]] rate_answers rate(std::string_view plan, std::string_view input,
                                    std::vector<std::string> words = {}) const;
    [[nodiscard]] rate_answers run(std::vector<std::string> words, std::string_view input) const;

  private:
    std::filesystem::path folder_;
};

/// A plan file. `head`: members beside code, name and "UTC"; then bands, rates and metrics.
std::string plan_text(std::string_view head, std::string_view body);
/// [[rate]] of a prefix with these steps ("0: 0.6/60/1, 60: 0.3/60/6": from_s: price/unit_s/
/// increment_s) and more lines of TOML.
std::string rate_text(std::string_view prefix, std::string_view steps, std::string_view more = "");

/// The question for a call of so many seconds, by default on Tuesday 2026-03-10 at noon (UTC).
std::string call_line(std::string_view destination, std::string_view seconds,
                      std::string_view location = "2026-03-10T12:00:00Z",
                      std::string_view more = "");
std::string event_line(std::string_view metric, std::string_view quantity,
                       std::string_view location = "2026-03-10T12:00:00Z",
                       std::string_view more = "");

/// A question and the expected members of its answer: "cost=0.17 billed_s=24 steps/0/band=peak".
struct rate_case {
    std::string question;
    std::string expected;
};

/// Asks all questions of one plan in one run, and compares the answers.
void expect_rated(std::string_view plan, std::vector<rate_case> const& cases,
                  std::vector<std::string> words = {});

/// A member of an answer as text, by its JSON pointer without the first '/'; "(absent)" otherwise.
std::string member_of(std::string const& answer, std::string const& pointer);

} // namespace tally::tests
