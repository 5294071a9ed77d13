#pragma once

#include <string>
#include <string_view>

namespace tally::tests {

/// Compresses bodies like clients do.
std::string gzipped(std::string_view plain);
std::string zlib_deflated(std::string_view plain);
std::string bare_deflated(std::string_view plain);
std::string zstd_compressed(std::string_view plain);

} // namespace tally::tests
