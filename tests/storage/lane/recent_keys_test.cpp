#include "storage/lane/recent_keys.hpp"

#include <gtest/gtest.h>

namespace tally::storage {
namespace {

TEST(recent_keys, remembers_what_it_was_given) {
    recent_keys keys{4};
    EXPECT_FALSE(keys.holds(0));
    EXPECT_FALSE(keys.holds(7));
    keys.add(0);
    keys.add(7);
    EXPECT_TRUE(keys.holds(0));
    EXPECT_TRUE(keys.holds(7));
    EXPECT_FALSE(keys.holds(11)) << "of the same set";
}

TEST(recent_keys, forgets_the_oldest_of_a_full_set) {
    recent_keys keys{4};
    for (std::uint64_t i = 0; i < 8; ++i) {
        keys.add(4 * i + 1);
    }
    keys.add(1); // is there: nothing moves
    keys.add(4 * 8 + 1);
    EXPECT_FALSE(keys.holds(1));
    for (std::uint64_t i = 1; i <= 8; ++i) {
        EXPECT_TRUE(keys.holds(4 * i + 1)) << i;
    }
}

TEST(recent_keys, sets_do_not_disturb_each_other) {
    recent_keys keys{4};
    keys.add(2);
    for (std::uint64_t i = 0; i < 100; ++i) {
        keys.add(4 * i + 3);
    }
    EXPECT_TRUE(keys.holds(2));
}

} // namespace
} // namespace tally::storage
