#include "ingest/text/joined.hpp"

namespace tally::ingest {

std::string joined(std::span<std::string const> words, std::string_view separator) {
    std::string text;
    for (std::string const& word : words) {
        if (!word.empty()) {
            text.append(text.empty() ? "" : separator).append(word);
        }
    }
    return text;
}

} // namespace tally::ingest
