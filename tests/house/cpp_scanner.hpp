#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tally::house {

/// C++ with comments, preprocessor lines and the text between quotes replaced by blanks. Lines keep
/// their numbers.
std::string without_comments_and_text(std::string_view source);

struct function_extent {
    std::string head;      ///< the text before its brace, on one line
    std::size_t line = 0;  ///< of its opening brace, from 1
    std::size_t lines = 0; ///< from its opening to its closing brace, both counted

    friend bool operator==(function_extent const&, function_extent const&) = default;
};

/// The functions that a source file defines. It counts braces instead of parsing, which is enough
/// for our style. A lambda counts as part of the function around it; one that initializes a
/// variable outside of any function is not found.
std::vector<function_extent> functions_of(std::string_view source);

} // namespace tally::house
