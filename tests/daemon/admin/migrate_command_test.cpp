#include "storage/postgres/sql_session.hpp"
#include "tests/support/daemon_process.hpp"
#include "tests/support/private_postgres.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <pty.h>
#include <unistd.h>

#include <array>

// Destructive commands ask before they run: tallyd migrate down, migrate redo and seed --undo.

namespace tally {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

/// A terminal with an answer that is already typed.
class terminal {
  public:
    explicit terminal(std::string const& answer) {
        std::array<char, 64> name{};
        if (::openpty(&ours_, &theirs_, name.data(), nullptr, nullptr) != 0 ||
            ::write(ours_, answer.data(), answer.size()) != static_cast<ssize_t>(answer.size())) {
            throw std::runtime_error{"no terminal"};
        }
        name_ = name.data();
    }
    ~terminal() {
        ::close(theirs_);
        ::close(ours_);
    }
    terminal(terminal const&) = delete;
    terminal& operator=(terminal const&) = delete;

    [[nodiscard]] std::string const& name() const noexcept { return name_; }

  private:
    int ours_ = -1;
    int theirs_ = -1; ///< kept open: the answer is lost when the last reader closes
    std::string name_;
};

class destructive_command : public testing::Test {
  protected:
    tests::command_result run(std::vector<std::string> const& words,
                              std::string const& input = "/dev/null") const {
        return tests::run_tallyd(TALLY_BINARY, words, environment_, input);
    }
    tests::command_result run_and_answer(std::vector<std::string> const& words,
                                         std::string const& answer) const {
        terminal const position{answer};
        return run(words, position.name());
    }
    std::string value(std::string const& sql) const {
        return storage::sql_session{connection_, "test"}.query_value(sql).value_or("NULL");
    }
    [[nodiscard]] std::string migrations() const {
        return value("SELECT count(*) FROM public.tallyd_migrations");
    }
    [[nodiscard]] std::string seeds() const {
        return value("SELECT count(*) FROM public.tallyd_seeds");
    }

    std::string connection_ = tests::private_postgres::shared().migrated_database();
    std::map<std::string, std::string> environment_{{"TALLYD_DATABASE_URL", connection_}};
    std::string before_ = migrations();
};

TEST_F(destructive_command, down_needs_somebody_to_ask_or_yes) {
    for (auto const& words : {std::vector<std::string>{"migrate", "down"},
                              std::vector<std::string>{"migrate", "down", "--to", "0"},
                              std::vector<std::string>{"migrate", "redo"}}) {
        auto const refused = run(words);
        EXPECT_EQ(refused.exit_code, 1) << refused.out;
        EXPECT_THAT(refused.out, HasSubstr("standard input is not a terminal; pass --yes"));
        EXPECT_EQ(migrations(), before_);
    }
    EXPECT_EQ(run({"migrate", "redo", "--yes"}).exit_code, 0);
    EXPECT_EQ(migrations(), before_);
    EXPECT_EQ(run({"migrate", "down", "--to", "0", "--yes"}).exit_code, 0);
    EXPECT_EQ(migrations(), "0");
    auto const again = run({"migrate", "down"}); // no migration is left to revert
    EXPECT_EQ(again.exit_code, 0);
    EXPECT_THAT(again.out, HasSubstr("nothing to do"));
}

TEST_F(destructive_command, down_names_what_goes_and_where) {
    auto const refused = run_and_answer({"migrate", "down", "--to", "13"}, "n\n");
    EXPECT_EQ(refused.exit_code, 1);
    EXPECT_THAT(refused.out,
                AllOf(HasSubstr("0014 rating_adjustments"), HasSubstr("billing.rerate_runs"),
                      HasSubstr("KiB"), HasSubstr("? [y/N]"), HasSubstr("nothing was changed")));
    EXPECT_THAT(refused.out,
                HasSubstr("database \"" + value("SELECT current_database()") + "\" at /"));
    EXPECT_THAT(refused.out, Not(HasSubstr("billing.cdrs"))); // a table of 0005, which stays
    EXPECT_EQ(migrations(), before_);
    EXPECT_EQ(run_and_answer({"migrate", "down"}, "\n").exit_code, 1); // the default answer is no
    EXPECT_EQ(migrations(), before_);
}

TEST_F(destructive_command, down_and_redo_do_as_they_are_told) {
    EXPECT_EQ(run_and_answer({"migrate", "redo"}, "yes\n").exit_code, 0);
    EXPECT_EQ(migrations(), before_);
    EXPECT_EQ(run_and_answer({"migrate", "down"}, "y\n").exit_code, 0);
    EXPECT_EQ(migrations(), std::to_string(std::stoi(before_) - 1));
}

TEST_F(destructive_command, nothing_is_reverted_in_production) {
    environment_["TALLYD_ENVIRONMENT"] = "production";
    for (auto const verb : {"down", "redo"}) {
        auto const refused = run({"migrate", verb, "--yes"});
        EXPECT_EQ(refused.exit_code, 1);
        EXPECT_THAT(refused.out, HasSubstr("environment is \"production\""));
        EXPECT_EQ(run_and_answer({"migrate", verb}, "y\n").exit_code, 1);
    }
    EXPECT_EQ(migrations(), before_);
    EXPECT_EQ(run({"migrate", "up"}).exit_code, 0);
    EXPECT_EQ(run({"migrate", "status"}).exit_code, 0);
}

TEST_F(destructive_command, seeds_are_undone_when_somebody_says_so) {
    EXPECT_THAT(run({"seed", "--undo"}).out, HasSubstr("nothing to do"));
    ASSERT_EQ(run({"seed", "--demo"}).exit_code, 0);
    auto const seeded = seeds();
    auto const refused = run({"seed", "--undo"});
    EXPECT_EQ(refused.exit_code, 1);
    EXPECT_THAT(refused.out, HasSubstr("standard input is not a terminal; pass --yes"));
    auto const declined = run_and_answer({"seed", "--undo", "--demo"}, "no\n");
    EXPECT_EQ(declined.exit_code, 1);
    EXPECT_THAT(declined.out, AllOf(HasSubstr("80_demo_customers"), HasSubstr("database \""),
                                    Not(HasSubstr("10_system_users"))));
    EXPECT_EQ(seeds(), seeded);
    EXPECT_EQ(run_and_answer({"seed", "--undo", "--demo"}, "y\n").exit_code, 0);
    EXPECT_NE(seeds(), seeded);
    EXPECT_EQ(run({"seed", "--undo", "--yes"}).exit_code, 0);
    EXPECT_EQ(seeds(), "0");
    EXPECT_EQ(run({"seed", "--yes"}).exit_code, 2);
}

} // namespace
} // namespace tally
