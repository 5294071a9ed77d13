#pragma once

#include <string_view>

namespace tally::ingest {

/// Calls `visit(depth, index)` after each bracket of a JSON text that is not in a string, until it
/// returns false. `depth` counts the brackets open after the one at `index`. Other errors of the
/// text are not found.
template <typename Visitor>
constexpr void visit_brackets(std::string_view json, Visitor visit) {
    int depth = 0;
    bool in_string = false;
    for (std::size_t index = 0; index < json.size(); ++index) {
        char const c = json[index];

        // Brackets in a string are text. A backslash takes the character after it, also a quote.
        if (in_string) {
            index += c == '\\' ? 1 : 0;
            in_string = c != '"';
        } else if (c == '"') {
            in_string = true;

            // The visitor sees the depth after the bracket.
        } else if (c == '{' || c == '[') {
            if (!visit(++depth, index)) {
                return;
            }
        } else if (c == '}' || c == ']') {
            if (!visit(--depth, index)) {
                return;
            }
        }
    }
}

} // namespace tally::ingest
