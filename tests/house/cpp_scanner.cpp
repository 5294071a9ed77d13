#include "tests/house/cpp_scanner.hpp"

#include <algorithm>
#include <cctype>
#include <limits>

namespace tally::house {
namespace {

bool is_word(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

/// Replaces parts of C++ by blanks, in place. `index_` is the next byte to scan.
class blanker {
  public:
    explicit blanker(std::string_view source) : text_(source) {}

    std::string run() {
        while (index_ < text_.size()) {
            step();
        }
        return std::move(text_);
    }

  private:
    void step() {
        std::string_view const rest = std::string_view{text_}.substr(index_);
        if (rest.starts_with("//") || (rest.front() == '#' && begins_line())) {
            blank_until(end_of_logical_line());
        } else if (rest.starts_with("/*")) {
            blank_until(past("*/", index_ + 2));
        } else if (rest.starts_with("R\"")) {
            auto const open = std::min(text_.find('(', index_), text_.size() - 1);
            blank_until(past(")" + text_.substr(index_ + 2, open - index_ - 2) + "\"", open));
        } else if (rest.front() == '"' || (rest.front() == '\'' && !separates_digits())) {
            blank_until(end_of_quoted());
        } else {
            ++index_;
        }
    }

    void blank_until(std::size_t end) {
        for (; index_ < std::min(end, text_.size()); ++index_) {
            text_[index_] = text_[index_] == '\n' ? '\n' : ' ';
        }
    }

    [[nodiscard]] std::size_t past(std::string_view mark, std::size_t begin) const {
        auto const found = text_.find(mark, begin);
        return found == std::string::npos ? text_.size() : found + mark.size();
    }

    [[nodiscard]] std::size_t end_of_logical_line() const {
        auto end = text_.find('\n', index_);
        while (end != std::string::npos && end > 0 && text_[end - 1] == '\\') {
            end = text_.find('\n', end + 1);
        }
        return std::min(end, text_.size());
    }

    [[nodiscard]] std::size_t end_of_quoted() const {
        auto i = index_ + 1;
        while (i < text_.size() && text_[i] != text_[index_] && text_[i] != '\n') {
            i += text_[i] == '\\' ? 2U : 1U;
        }
        return i + 1;
    }

    [[nodiscard]] bool begins_line() const {
        auto const before = text_.find_last_not_of(" \t", index_ == 0 ? 0 : index_ - 1);
        return index_ == 0 || before == std::string::npos || text_[before] == '\n';
    }

    [[nodiscard]] bool separates_digits() const { return index_ > 0 && is_word(text_[index_ - 1]); }

    std::string text_;
    std::size_t index_ = 0;
};

bool has_word(std::string_view text, std::string_view word) {
    for (auto cursor = text.find(word); cursor != std::string_view::npos;
         cursor = text.find(word, cursor + 1)) {
        auto const end = cursor + word.size();
        if ((cursor == 0 || !is_word(text[cursor - 1])) &&
            (end == text.size() || !is_word(text[end]))) {
            return true;
        }
    }
    return false;
}

std::string outside_parentheses(std::string_view head) {
    std::string outside;
    int depth = 0;
    for (char const c : head) {
        depth += c == '(' ? 1 : 0;
        if (depth == 0) {
            outside += c;
        }
        depth -= c == ')' ? 1 : 0;
    }
    return outside;
}

/// Whether a brace after this text opens the body of a function.
bool heads_function(std::string_view head) {
    auto const outside = outside_parentheses(head);
    bool const is_operator = has_word(outside, "operator");
    bool const initialises = outside.find('=') != std::string::npos && !is_operator;
    return head.find('(') != std::string_view::npos && !initialises &&
           !has_word(outside, "namespace") && !has_word(outside, "enum");
}

std::string on_one_line(std::string_view head) {
    std::string line;
    for (char const c : head) {
        bool const blank = std::isspace(static_cast<unsigned char>(c)) != 0;
        if (!blank) {
            line += c;
        } else if (!line.empty() && line.back() != ' ') {
            line += ' ';
        }
    }
    line.erase(line.find_last_not_of(' ') + 1);
    return line;
}

} // namespace

std::string without_comments_and_text(std::string_view source) {
    return blanker{source}.run();
}

std::vector<function_extent> functions_of(std::string_view source) {
    auto const text = without_comments_and_text(source);
    constexpr int outside = std::numeric_limits<int>::min(); // no depth, stray braces or not
    std::vector<function_extent> found;
    std::size_t head_begin = 0;
    std::size_t line = 1;
    int depth = 0;                // of braces
    int function_depth = outside; // depth around the function we are in
    for (std::size_t i = 0; i < text.size(); ++i) {
        auto const head = std::string_view{text}.substr(head_begin, i - head_begin);
        line += text[i] == '\n' ? 1 : 0;
        if (text[i] == '{') {
            if (function_depth == outside && heads_function(head)) {
                function_depth = depth;
                found.push_back({on_one_line(head), line, 0});
            }
            ++depth;
        } else if (text[i] == '}') {
            --depth;
            if (function_depth == depth) {
                found.back().lines = line - found.back().line + 1;
                function_depth = outside;
            }
        }
        if (text[i] == '{' || text[i] == '}' || text[i] == ';') {
            head_begin = i + 1;
        }
    }
    return found;
}

} // namespace tally::house
