#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace tally::ingest {

/// Content-Encoding of a request body (RFC 9110 section 8.4). One coding only, not a list of them.
enum class content_coding : std::uint8_t { identity, gzip, deflate, zstd };

/// Accepted codings, for Accept-Encoding with a 415.
inline constexpr std::string_view accepted_codings = "gzip, zstd, deflate, identity";

/// Parses the field's value, ignoring case; empty is identity. nullopt: not supported.
std::optional<content_coding> parse_content_coding(std::string_view value) noexcept;

enum class expand_status : std::uint8_t {
    expanded,
    damaged,   ///< not in that coding, broken, or cut off
    too_large, ///< more than bytes_max
    no_room,   ///< `ask_room` refused
};

struct expand_result {
    expand_status status = expand_status::expanded;
    std::string_view detail; ///< what is damaged; static storage

    friend bool operator==(expand_result const&, expand_result const&) = default;
};

/// Expands a whole body of a coding other than identity into `out`. Several gzip members or zstd
/// frames in a row are one body. Memory grows only with the real output, each time after
/// `ask_room(bytes)` granted that much more, and never beyond bytes_max.
expand_result expand(content_coding coding, std::string_view body, std::size_t bytes_max,
                     std::function<bool(std::size_t)> const& ask_room, std::string& out);

} // namespace tally::ingest
