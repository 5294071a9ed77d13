#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tally::house {

/// C++ with comments, preprocessor lines, and what is between quotes turned into blanks; lines stay
/// where they are.
std::string without_comments_and_text(std::string_view source);

struct function_extent {
    std::string head;      ///< what stands before its brace, on one line
    std::size_t line = 0;  ///< of its opening brace, from 1
    std::size_t lines = 0; ///< from its opening to its closing brace, both counted

    friend bool operator==(function_extent const&, function_extent const&) = default;
};

/// The functions defined in a source file, by counting braces: no parser, but enough for our style.
/// Lambdas count as part of the function around them; one that initialises a variable outside of
/// any function is not seen.
std::vector<function_extent> functions_of(std::string_view source);

} // namespace tally::house
