#include "tests/house/cpp_scanner.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace tally::house;
using testing::ElementsAre;
using testing::IsEmpty;

// The rules for functions depend on this scanner, so it has tests of its own.

namespace {

TEST(cpp_scanner, blanks_what_is_no_code_and_keeps_the_lines) {
    EXPECT_EQ(without_comments_and_text("a // {\nb"), "a     \nb");
    EXPECT_EQ(without_comments_and_text("a /* {\n} */ b"), "a     \n     b");
    EXPECT_EQ(without_comments_and_text("f(\"{\\\"{\")"), "f(      )");
    EXPECT_EQ(without_comments_and_text("x = '{' + 1'000;"), "x =     + 1'000;");
    EXPECT_EQ(without_comments_and_text("R\"x({)\" )x\" }"), "            }");
    EXPECT_EQ(without_comments_and_text("#define A { \\\n {\nb"), "             \n  \nb");
}

TEST(cpp_scanner, finds_functions_and_their_length) {
    EXPECT_THAT(functions_of("int f() {\n    return 1;\n}\n"),
                ElementsAre(function_extent{"int f()", 1, 3}));
    EXPECT_THAT(functions_of("namespace n {\nstruct s {\n  int f() const noexcept {\n  }\n};\n}\n"),
                ElementsAre(function_extent{"int f() const noexcept", 3, 2}));
    EXPECT_THAT(functions_of("TEST(a, b) { if (x) { y(); } }"),
                ElementsAre(function_extent{"TEST(a, b)", 1, 1}));
    EXPECT_THAT(functions_of("bool operator==(a, b) {\n}"),
                ElementsAre(function_extent{"bool operator==(a, b)", 1, 2}));
    EXPECT_THAT(functions_of("void f(int a = 3,\n       int b = 4)\n{\n}"),
                ElementsAre(function_extent{"void f(int a = 3, int b = 4)", 3, 2}));
}

TEST(cpp_scanner, a_lambda_belongs_to_the_function_around_it) {
    EXPECT_THAT(functions_of("void f() {\n  g([](int) {\n  });\n}"),
                ElementsAre(function_extent{"void f()", 1, 4}));
}

TEST(cpp_scanner, tables_types_and_declarations_are_no_functions) {
    EXPECT_THAT(functions_of("constexpr row table[] = {\n{\"a\", f(1)},\n};"), IsEmpty());
    EXPECT_THAT(functions_of("struct alignas(64) s;\nenum class e { a };\nint f();"), IsEmpty());
}

TEST(cpp_scanner, no_unfinished_source_crashes_it) {
    for (auto const source : {"{", "}", "\"", "'", "R\"", "R\"(", "/*", "//", "#", "\\", "f() {"}) {
        (void)functions_of(source);
    }
}

} // namespace
