#pragma once

#include <string_view>

namespace tally::ingest {

/// A view without blanks, tabs, line ends and NULs at its ends (a crash leaves NULs in files).
std::string_view trimmed(std::string_view text) noexcept;

/// A view without a byte order mark at its front.
std::string_view strip_bom(std::string_view text) noexcept;

} // namespace tally::ingest
