#include "tests/house/cpp_scanner.hpp"
#include "tests/house/source_tree.hpp"

#include <gtest/gtest.h>

#include <cctype>
#include <map>

using namespace tally::house;

// docs/GLOSSARY.md has the words that the project uses. Those here are the ones that it does not.
// They ratchet: a count may fall, not rise, and a word may be added.

namespace {

struct banned_word {
    std::string_view word;
    std::string_view instead;
    std::size_t uses_max = 0; ///< what is left of them
};

/// Names of variables, parameters and members. A function of the standard library's name (at(),
/// what()) is none of them.
constexpr banned_word names[] = {
    {"said", "status, text, answer: what it is", 0},
    {"told", "observer, message, outcome: what it is", 15},
    {"what", "batch, data, status, kind: what it is", 0},
    {"whose", "owner", 0},
    {"who", "owner, author", 0},
    {"how", "options, settings, rounding: what it is", 9},
    {"on", "connection", 0},
    {"from", "begin, source, catalog: what it is", 9},
    {"why", "reason, status", 2},
    {"where", "location", 0},
    {"in", "transaction, writer, input: what it is", 15},
    {"of", "the noun", 17},
    {"by", "the noun", 43},
    {"to", "end, out, sink: what it is", 72},
    {"at", "time, index, cursor: what it is", 40},
    {"place", "index", 0},
    {"road", "pipeline", 0},
    {"book", "catalog, totals", 4},
    {"mended", "sanitized", 0},
    {"keeper", "the noun", 0},
    {"trouble", "warning", 0},
    {"way", "route, direction", 0},
};

/// Words in comments, documents and texts.
constexpr banned_word words[] = {
    {"nobody", "no one, or a passive sentence", 53},
    {"somebody", "someone, or a person", 1},
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
};

bool is_word_character(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

/// How often the word stands in the text, also as the name of a private member (with '_' behind
/// it). In code, a call of a function is no name of a variable.
std::size_t uses_of(std::string_view word, std::string_view text, bool in_code) {
    std::size_t uses = 0;
    for (auto at = text.find(word); at != text.npos; at = text.find(word, at + 1)) {
        auto end = at + word.size();
        end += end < text.size() && text[end] == '_' ? 1U : 0U;
        bool const is_whole = (at == 0 || !is_word_character(text[at - 1])) &&
                              (end == text.size() || !is_word_character(text[end]));
        auto const next = text.find_first_not_of(" \n", end);
        bool const is_call = in_code && next != text.npos && text[next] == '(';
        uses += is_whole && !is_call ? 1U : 0U;
    }
    return uses;
}

/// How often each of `table` stands in the sources, as a name or in comments and texts.
template <std::size_t Size>
std::map<std::string_view, std::size_t> uses_of(banned_word const (&table)[Size], bool in_code) {
    std::map<std::string_view, std::size_t> uses;
    for (auto const& file : source_tree()) {
        bool const is_read = in_code ? file.is_cpp() : file.is_cpp() || file.path.ends_with(".md");
        if (!is_read || file.path == "docs/GLOSSARY.md" || file.path.ends_with("words_test.cpp")) {
            continue;
        }
        auto const text = in_code ? without_comments_and_text(file.text) : file.text;
        for (auto const& entry : table) {
            uses[entry.word] += uses_of(entry.word, text, in_code);
        }
    }
    return uses;
}

template <std::size_t Size>
void expect_no_more(banned_word const (&table)[Size], bool in_code) {
    auto const uses = uses_of(table, in_code);
    for (auto const& entry : table) {
        EXPECT_LE(uses.at(entry.word), entry.uses_max)
            << '"' << entry.word << "\": say \"" << entry.instead << '"';
    }
}

TEST(names, are_nouns_of_the_thing) {
    expect_no_more(names, true);
}

TEST(words, are_plain) {
    expect_no_more(words, false);
}

} // namespace
