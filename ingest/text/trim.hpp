#pragma once

#include <string_view>

namespace tally::ingest {

/// A view without blanks, tabs, line ends and NULs at its ends (a crash leaves NULs in files).
std::string_view trimmed(std::string_view text) noexcept;

/// A view without a byte order mark at its front.
std::string_view strip_bom(std::string_view text) noexcept;

/// A view without a leading '+': phone numbers that differ only by it are the same number.
inline std::string_view without_plus(std::string_view number) noexcept {
    return number.substr(number.starts_with('+') ? 1 : 0);
}

} // namespace tally::ingest
