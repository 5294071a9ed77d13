#include "config/nearest_name.hpp"

#include <gtest/gtest.h>

using tally::config::nearest_name;

namespace {

constexpr std::string_view names[] = {"http.listen", "tcp.listen", "lanes", "log.level"};

TEST(nearest_name, finds_what_a_typing_mistake_meant) {
    EXPECT_EQ(nearest_name("http.listn", names), "http.listen");
    EXPECT_EQ(nearest_name("htpt.listen", names), "http.listen");
    EXPECT_EQ(nearest_name("lane", names), "lanes");
    EXPECT_EQ(nearest_name("lgo.level", names), "log.level");
}

TEST(nearest_name, is_silent_when_nothing_is_near) {
    EXPECT_EQ(nearest_name("colour", names), "");
    EXPECT_EQ(nearest_name("", names), "");
    EXPECT_EQ(nearest_name("x", names), "");
    EXPECT_EQ(nearest_name(std::string(100'000, 'l'), names), "");
    EXPECT_EQ(nearest_name("lanes", {}), "");
}

} // namespace
