#include "tests/support/daemon_process.hpp"
#include "tests/support/private_postgres.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

// tallyd migrate diagram with the real binary.

namespace tally {
namespace {

using testing::HasSubstr;
namespace fs = std::filesystem;

class migrate_diagram : public testing::Test {
  protected:
    migrate_diagram() {
        std::string folder = (fs::temp_directory_path() / "tally_diagram_XXXXXX").string();
        if (mkdtemp(folder.data()) == nullptr) {
            throw std::runtime_error{"no temporary folder"};
        }
        page_ = folder + "/PAGE.md";
    }
    ~migrate_diagram() override { fs::remove_all(fs::path{page_}.parent_path()); }

    tests::command_result diagram(std::vector<std::string> words,
                                  std::string const& connection = {}) const {
        words.insert(words.begin(), {"migrate", "diagram"});
        return tests::run_tallyd(
            TALLY_BINARY, words,
            {{"TALLYD_DATABASE_URL", connection.empty() ? connection_ : connection}});
    }
    void write_page(std::string const& text) const { std::ofstream{page_} << text; }

    std::string connection_ = tests::private_postgres::shared().migrated_database();
    std::string page_;
};

TEST_F(migrate_diagram, is_printed_or_put_into_a_page) {
    auto const printed = diagram({});
    EXPECT_EQ(printed.exit_code, 0);
    EXPECT_THAT(printed.out, HasSubstr("erDiagram"));
    write_page("mine\n<!-- diagram: begin -->\nold\n<!-- diagram: end -->\nalso mine\n");
    EXPECT_EQ(diagram({"--check", page_}).exit_code, 3);
    EXPECT_EQ(diagram({"--write", page_}).exit_code, 0);
    std::ifstream input{page_};
    std::string const text{std::istreambuf_iterator<char>{input}, {}};
    EXPECT_EQ(text, "mine\n<!-- diagram: begin -->\n\n" + printed.out +
                        "\n<!-- diagram: end -->\nalso mine\n");
    EXPECT_EQ(diagram({"--check", page_}).exit_code, 0);
}

TEST_F(migrate_diagram, refuses_pages_it_cannot_use) {
    EXPECT_EQ(diagram({"--check", page_}).exit_code, 1); // the page has no markers
    write_page("no markers\n");
    EXPECT_THAT(diagram({"--write", page_}).out, HasSubstr("diagram: begin"));
    EXPECT_EQ(diagram({"--write", page_}).exit_code, 1);
    EXPECT_EQ(diagram({"--write", page_, "--check", page_}).exit_code, 2);
}

TEST_F(migrate_diagram, wants_all_migrations_applied) {
    auto const refused = diagram({}, tests::private_postgres::shared().empty_database());
    EXPECT_EQ(refused.exit_code, 2);
    EXPECT_THAT(refused.out, HasSubstr("tallyd migrate up"));
}

} // namespace
} // namespace tally
