#pragma once

#include "ingest/base/text_arena.hpp"

#include <string_view>

namespace tally::ingest {

bool is_valid_utf8(std::string_view bytes) noexcept;

/// `bytes` as PostgreSQL accepts text: each byte that is not part of valid UTF-8 becomes U+FFFD,
/// each NUL U+2400 (its picture). The same view if there is nothing to sanitize, else a copy in
/// `arena`.
std::string_view sanitize_text(std::string_view bytes, text_arena& arena);

/// A copy with invalid UTF-8 replaced and NUL kept, with `padding` readable bytes after it.
std::string_view replace_invalid_utf8(std::string_view bytes, std::size_t padding,
                                      text_arena& arena);

} // namespace tally::ingest
