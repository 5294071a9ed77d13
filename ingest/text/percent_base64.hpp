#pragma once

#include "ingest/base/text_arena.hpp"

#include <optional>
#include <string_view>

namespace tally::ingest {

/// Whether '+' means a blank (HTML forms) or itself (everything else).
enum class plus_sign : bool { is_plus, is_blank };

/// Whether `text` contains '%' followed by two hex digits.
bool holds_percent_escape(std::string_view text) noexcept;

/// Percent-decoded text; a '%' without two hex digits stays. The same view if nothing changes, else
/// a copy in `arena` with `padding` readable bytes after it. The result may be any bytes.
std::string_view percent_decode(std::string_view text, plus_sign plus, std::size_t padding,
                                text_arena& arena);

/// The bytes of base64 text (RFC 4648, both alphabets, with or without '=', line breaks skipped) in
/// `arena`, with `padding` readable bytes after them; nullopt if it is not base64.
std::optional<std::string_view> base64_decode(std::string_view text, std::size_t padding,
                                              text_arena& arena);

} // namespace tally::ingest
