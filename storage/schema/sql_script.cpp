#include "storage/schema/sql_script.hpp"

#include <algorithm>
#include <cctype>

namespace tally::storage {
namespace {

bool is_name_character(char c) {
    // Bytes from 0x80 on are part of UTF-8 letters, which PostgreSQL allows in names.
    auto const byte = static_cast<unsigned char>(c);
    return std::isalnum(byte) != 0 || c == '_' || byte >= 0x80;
}

/// Scans a script token by token.
class scanner {
  public:
    explicit scanner(std::string_view script) : script_{script} {}

    [[nodiscard]] bool at_end() const { return index_ >= script_.size(); }
    [[nodiscard]] std::size_t position() const { return index_; }
    [[nodiscard]] char current() const { return script_[index_]; }

    /// Moves past one character, quoted text or comment. True if that belongs to a statement: it
    /// is neither a space nor a comment.
    bool advance() {
        // A semicolon within a comment or a quoted text ends no statement, so these are passed as a
        // whole.
        std::string_view const rest = script_.substr(index_);
        if (rest.starts_with("--")) {
            index_ = std::min(script_.find('\n', index_), script_.size());
            return false;
        }
        if (rest.starts_with("/*")) {
            skip_block_comment();
            return false;
        }

        // Quoted in any of PostgreSQL's ways.
        if (rest.front() == '\'' || rest.front() == '"') {
            skip_quoted(rest.front(), has_escapes());
            return true;
        }
        if (rest.front() == '$' && skip_dollar_quoted()) {
            return true;
        }

        // Any other character; spaces alone are no statement.
        ++index_;
        return std::isspace(static_cast<unsigned char>(rest.front())) == 0;
    }

  private:
    /// Whether an E before the quote makes it E'...'; it may also be the end of a name.
    [[nodiscard]] bool has_escapes() const {
        return script_[index_] == '\'' && index_ > 0 && (script_[index_ - 1] | 0x20) == 'e' &&
               (index_ < 2 || !is_name_character(script_[index_ - 2]));
    }

    /// A doubled quote inside is scanned as two adjacent quoted texts, with the same result.
    void skip_quoted(char quote, bool escapes) {
        for (++index_; index_ < script_.size() && script_[index_] != quote; ++index_) {
            if (escapes && script_[index_] == '\\') {
                ++index_;
            }
        }
        index_ = std::min(index_ + 1, script_.size());
    }

    bool skip_dollar_quoted() {
        if (index_ > 0 && is_name_character(script_[index_ - 1])) {
            return false; // a name that contains a dollar sign
        }

        // A tag has the form of a name.
        std::size_t end = index_ + 1;
        while (end < script_.size() && is_name_character(script_[end])) {
            ++end;
        }
        if (end >= script_.size() || script_[end] != '$' ||
            std::isdigit(static_cast<unsigned char>(script_[index_ + 1])) != 0) {
            return false; // a parameter such as $1, or a lone dollar sign
        }

        // The body ends at the same tag, whatever other quotes it has.
        std::string_view const tag = script_.substr(index_, end + 1 - index_);
        std::size_t const close = script_.find(tag, end + 1);
        index_ = close == std::string_view::npos ? script_.size() : close + tag.size();
        return true;
    }

    void skip_block_comment() {
        // PostgreSQL's block comments nest, unlike those of C.
        int depth = 0;
        do {
            std::string_view const rest = script_.substr(index_);
            bool const opens = rest.starts_with("/*");
            bool const closes = rest.starts_with("*/");
            depth += opens ? 1 : closes ? -1 : 0;
            index_ += opens || closes ? 2 : 1;
        } while (depth > 0 && index_ < script_.size());
    }

    std::string_view script_;
    std::size_t index_ = 0;
};

} // namespace

std::vector<std::string> split_statements(std::string_view script) {
    std::vector<std::string> statements;
    scanner scan{script};
    std::size_t start = 0;
    bool has_content = false;
    // Text without content is a comment behind the last statement.
    auto finish = [&](std::size_t end) {
        if (has_content) {
            statements.emplace_back(script.substr(start, end - start));
        }
        has_content = false;
    };

    // A semicolon that the scanner sees is one between statements.
    while (!scan.at_end()) {
        if (scan.current() == ';') {
            finish(scan.position());
            scan.advance();
            start = scan.position();
            continue;
        }
        has_content = scan.advance() || has_content;
    }
    finish(script.size());
    return statements;
}

bool is_marked_no_transaction(std::string_view script) {
    // Only at the beginning of the file, so that a comment elsewhere cannot switch transactions
    // off.
    while (script.starts_with("--") || script.starts_with("\n") || script.starts_with("\r")) {
        std::size_t const end = std::min(script.find('\n'), script.size());
        std::string_view line = script.substr(0, end);
        line = line.substr(0, line.find_last_not_of(" \t\r") + 1);
        if (line == "-- tallyd: no-transaction") {
            return true;
        }
        script.remove_prefix(std::min(end + 1, script.size()));
    }
    return false;
}

} // namespace tally::storage
