// As in a release build: the assertions of the standard library are off.
#ifndef NDEBUG
#define NDEBUG
#endif

#include "ingest/base/assert.hpp"

#include "ingest/base/text_arena.hpp"

#include <gtest/gtest.h>

namespace tally::ingest {
namespace {

TEST(assertion, ends_the_program_and_names_location_text_and_expression) {
    int const sum = 3;
    EXPECT_DEATH(TALLY_ASSERT(sum == 4, "the sum is wrong"),
                 "assert_test.cpp:[0-9]+: the sum is wrong: sum == 4 does not hold");
}

TEST(assertion, that_holds_does_nothing) {
    int evaluated = 0;
    TALLY_ASSERT(++evaluated == 1, "counted once");
    EXPECT_EQ(evaluated, 1);
}

TEST(assertion, guards_the_arena) {
    text_arena arena;
    arena.reserve(4);
    EXPECT_DEATH(arena.shrink_last(5), "longer than its room");
}

} // namespace
} // namespace tally::ingest
