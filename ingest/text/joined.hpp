#pragma once

#include <span>
#include <string>
#include <string_view>

namespace tally::ingest {

/// "a, b" of {"a", "b"} with the separator ", ". Empty words are left out.
std::string joined(std::span<std::string const> words, std::string_view separator);

} // namespace tally::ingest
