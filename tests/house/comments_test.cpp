#include "tests/house/cpp_scanner.hpp"
#include "tests/house/source_tree.hpp"

#include <gtest/gtest.h>

#include <cctype>
#include <set>
#include <string>
#include <string_view>
#include <vector>

using namespace tally::house;

// A comment that names a parameter must follow when the parameter is renamed.

namespace {

/// Names that a doc comment may have though the file's code does not.
std::set<std::string_view> const names_of_elsewhere = {
    // Commands.
    "migrate", "run", "verify",
    // Settings and their values.
    "cred", "encode", "info", "json", "text", "unique",
    // Fields of input.
    "accountcode", "answered_at", "billsec", "billsec_ms", "call_direction", "direction",
    "duration_s", "sip_auth_username", "tally_direction",
    // Enumerators and members of types that the file uses.
    "committed", "duplicate", "full", "lost", "no_index", "opened", "stale", "suspended", "unknown",
    "unknown_subscription",
    // A keyword without an identifier.
    "true"};

bool is_identifier(std::string_view text) {
    bool is_one = !text.empty() && std::islower(static_cast<unsigned char>(text.front())) != 0;
    for (char const c : text) {
        bool const is_lower = std::islower(static_cast<unsigned char>(c)) != 0;
        is_one =
            is_one && (is_lower || std::isdigit(static_cast<unsigned char>(c)) != 0 || c == '_');
    }
    return is_one;
}

std::set<std::string> identifiers_of(std::string const& code) {
    std::set<std::string> found;
    std::string word;
    for (char const c : code + ' ') {
        if (std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_') {
            word += c;
        } else if (!word.empty()) {
            found.insert(std::move(word));
            word.clear();
        }
    }
    return found;
}

/// The identifiers in lower case that a line's doc comment has between backticks.
std::vector<std::string> names_in_comment(std::string_view line) {
    std::vector<std::string> names;
    auto begin = line.find("///");
    while (begin != line.npos && (begin = line.find('`', begin)) != line.npos) {
        auto const end = line.find('`', begin + 1);
        if (end == line.npos) {
            break;
        }
        if (auto const span = line.substr(begin + 1, end - begin - 1); is_identifier(span)) {
            names.emplace_back(span);
        }
        begin = end + 1;
    }
    return names;
}

TEST(comments, name_what_the_code_has) {
    std::set<std::string_view> unused = names_of_elsewhere;
    for (auto const& file : cpp_files()) {
        auto const identifiers = identifiers_of(without_comments_and_text(file.text));
        std::size_t number = 0;

        for (auto const line : lines_of(file.text)) {
            ++number;
            for (auto const& name : names_in_comment(line)) {
                if (identifiers.contains(name)) {
                    continue;
                }
                EXPECT_TRUE(names_of_elsewhere.contains(name))
                    << file.path << ':' << number << ": the code has no `" << name << '`';
                unused.erase(name);
            }
        }
    }

    for (auto const name : unused) {
        ADD_FAILURE() << name << " needs no exception any longer";
    }
}

TEST(names_in_comment, are_identifiers_between_backticks_of_a_doc_comment) {
    // In two pieces, so that the test above does not read it as a comment.
    EXPECT_EQ(names_in_comment("int a; /"
                               "//< `first_2` of `B`, not `c()`, but `last`"),
              (std::vector<std::string>{"first_2", "last"}));
    EXPECT_TRUE(names_in_comment("// `first` `last`").empty());
    EXPECT_TRUE(names_in_comment("/"
                                 "// `first")
                    .empty());
}

} // namespace
