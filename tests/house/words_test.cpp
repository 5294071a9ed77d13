#include "tests/house/cpp_scanner.hpp"
#include "tests/house/source_tree.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

using namespace tally::house;

// docs/GLOSSARY.md has the words that the project uses. Those here are the ones that it does not.
// They ratchet: a count may fall, and is then lowered here, but not rise; a word may be added.

namespace {

struct banned_word {
    std::string_view word;
    std::string_view instead;
    std::size_t uses = 0; ///< what is left of them
};

/// Names of variables, parameters and members. A function of the standard library's name (at(),
/// what()) is none of them.
constexpr banned_word names[] = {
    {"said", "status, text, answer: what it is", 0},
    {"told", "observer, message, outcome: what it is", 12},
    {"what", "batch, data, status, kind: what it is", 0},
    {"whose", "owner", 0},
    {"who", "owner, author", 0},
    {"how", "options, settings, rounding: what it is", 2},
    {"on", "connection", 0},
    {"from", "begin, source, catalog: what it is", 0},
    {"why", "reason, status", 2},
    {"where", "location", 0},
    {"in", "transaction, writer, input: what it is", 13},
    {"of", "the noun", 0},
    {"by", "the noun", 0},
    {"to", "end, out, sink: what it is", 58},
    {"at", "time, index, cursor: what it is", 3},
    {"book", "catalog, totals", 4},
    {"trouble", "warning", 0},
    {"way", "route, direction", 0},
    {"which", "filter, name, member, kind: what it is", 11},
    {"when", "time, schedule", 57},
    {"behind", "next, followers: what it is", 40},
    {"into", "out", 8},
    {"about", "status, what was found", 1},
    {"beyond", "the limit", 0},
    {"upto", "end, limit", 0},
    {"past", "history", 0},
    {"off", "difference", 5},
    {"within", "what is_... asks", 4},
    {"below", "end", 2},
};

/// Parts of names, between underscores, of functions and tests as well. What is left of "place" is
/// std::in_place.
constexpr banned_word name_parts[] = {
    {"place", "index, position, location", 2},
    {"places", "indices, positions, locations", 0},
    {"moments", "instants", 0},
    {"stretch", "interval", 0},
    {"stretches", "intervals", 0},
    {"hopeless", "failing", 0},
    {"vain", "what was not found", 0},
    {"hurry", "early", 0},
    {"mend", "sanitize (text), correct (a record)", 0},
    {"mended", "sanitized, corrected", 0},
    {"witness", "the noun", 0},
    {"road", "pipeline", 0},
    {"told", "observer, message, outcome: what it is", 31},
    {"said", "status, text, answer: what it is", 20},
};

/// Words in comments, documents, texts, scripts and build files, in any case.
constexpr banned_word words[] = {
    {"nobody", "no one, or a passive sentence", 54},
    {"somebody", "someone, or a person", 2},
    {"whoever", "a person who, a sender that", 1},
    {"anew", "again", 0},
    {"any more", "no longer", 0},
    {"likewise", "also", 0},
    {"but for", "except for", 0},
    {"is none", "is not a ...", 27},
    {"comes about", "is opened, happens", 0},
    {"licence", "license", 0},
    {"normalise", "normalize", 0},
    {"labelled", "labeled", 0},
    {"for ever", "forever", 0},
    {"doors", "listeners", 0},
    {"road", "pipeline, path", 0},
    {"cure", "what makes a retry useful; resolve", 0},
    {"look after", "supervise", 0},
    {"mend", "correct, fix", 0},
    {"mended", "corrected, fixed", 0},
    {"stands", "is, is at, means; only a part stands still", 10},
};

bool is_word_character(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

enum class unit : std::uint8_t {
    name, ///< of a variable: a whole identifier, and no call of a function
    part, ///< of an identifier, between underscores
    word, ///< of a comment, a document or a text
};

/// How often the word is in the text, also as the name of a private member (with '_' after it). In
/// code, a call of a function is no name of a variable.
std::size_t uses_of(std::string_view word, std::string_view text, unit kind) {
    auto const continues = [kind](char c) {
        return is_word_character(c) && (kind != unit::part || c != '_');
    };
    std::size_t uses = 0;
    for (auto begin = text.find(word); begin != text.npos; begin = text.find(word, begin + 1)) {
        auto end = begin + word.size();
        end += end < text.size() && text[end] == '_' && kind != unit::part ? 1U : 0U;
        bool const is_whole = (begin == 0 || !continues(text[begin - 1])) &&
                              (end == text.size() || !continues(text[end]));
        auto const next = text.find_first_not_of(" \n", end);
        bool const is_call = kind == unit::name && next != text.npos && text[next] == '(';
        uses += is_whole && !is_call ? 1U : 0U;
    }
    return uses;
}

/// Whether its words are held to be plain: code, documents, build files and scripts.
bool has_prose(source_file const& file) {
    return file.is_cpp() || file.path.ends_with(".md") || file.path.ends_with(".cmake") ||
           file.name() == "CMakeLists.txt" || file.text.starts_with("#!");
}

std::string in_lower_case(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return text;
}

/// How often each of `table` is in the sources.
template <std::size_t Size>
std::map<std::string_view, std::size_t> uses_of(banned_word const (&table)[Size], unit kind) {
    std::map<std::string_view, std::size_t> uses;
    bool const in_code = kind != unit::word;
    for (auto const& file : source_tree()) {
        bool const is_read = in_code ? file.is_cpp() : has_prose(file);
        if (!is_read || file.path == "docs/GLOSSARY.md" || file.path.ends_with("words_test.cpp")) {
            continue;
        }
        auto const text = in_code ? without_comments_and_text(file.text) : in_lower_case(file.text);
        for (auto const& entry : table) {
            uses[entry.word] += uses_of(entry.word, text, kind);
        }
    }
    return uses;
}

template <std::size_t Size>
void expect_what_is_left(banned_word const (&table)[Size], unit kind) {
    auto const uses = uses_of(table, kind);
    for (auto const& entry : table) {
        EXPECT_EQ(uses.at(entry.word), entry.uses)
            << '"' << entry.word << "\": say \"" << entry.instead
            << "\"; if there are fewer than before, write the new number here";
    }
}

TEST(names, are_nouns_of_the_thing) {
    expect_what_is_left(names, unit::name);
}

TEST(names, have_no_part_that_is_no_term) {
    expect_what_is_left(name_parts, unit::part);
}

TEST(words, are_plain) {
    expect_what_is_left(words, unit::word);
}

TEST(parts_of_names, are_found_between_underscores_only) {
    EXPECT_EQ(uses_of("place", "row_place place_ emplace placed replace_place", unit::part), 3U);
    EXPECT_EQ(uses_of("place", "row_place place_ place(x)", unit::name), 1U);
}

} // namespace
