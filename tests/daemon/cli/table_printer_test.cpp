#include "daemon/cli/table_printer.hpp"

#include <gtest/gtest.h>

#include <sstream>

namespace tally::daemon {
namespace {

std::string printed(table_printer const& table) {
    std::ostringstream out;
    table.print(out);
    return out.str();
}

TEST(table_printer, aligns_columns) {
    table_printer table{{{"name"}, {"records", table_align::right}, {"state"}}};
    EXPECT_TRUE(table.empty());
    table.add({"a.csv", "1,234,567", "done"});
    table.add({"longer.csv", "7", ""});
    EXPECT_FALSE(table.empty());
    EXPECT_EQ(printed(table), "name          records  state\n"
                              "a.csv       1,234,567  done\n"
                              "longer.csv          7\n");
}

TEST(table_printer, counts_characters_not_bytes) {
    table_printer table{{{"name"}, {"x"}}};
    table.add({"Zürich", "1"});
    table.add({"Basel", "2"});
    EXPECT_EQ(printed(table), "name    x\nZürich  1\nBasel   2\n");
}

TEST(table_printer, takes_rows_of_any_length) {
    table_printer table{{{"a"}, {"b"}}};
    table.add({});
    table.add({"1", "2", "3"});
    EXPECT_EQ(printed(table), "a  b\n\n1  2\n");
}

TEST(table_printer, keeps_control_characters_off_the_terminal) {
    table_printer table{{{"name"}}};
    table.add({"a\x1b[31mb\nc\x7f"});
    EXPECT_EQ(printed(table), "name\na?[31mb?c?\n");
}

TEST(grouped, puts_commas_between_thousands) {
    EXPECT_EQ(grouped(0), "0");
    EXPECT_EQ(grouped(999), "999");
    EXPECT_EQ(grouped(1000), "1,000");
    EXPECT_EQ(grouped(1234567), "1,234,567");
    EXPECT_EQ(grouped(UINT64_MAX), "18,446,744,073,709,551,615");
}

} // namespace
} // namespace tally::daemon
