#pragma once

#include "ingest/record_error.hpp"
#include "ingest/text_arena.hpp"

#include <string>
#include <string_view>

namespace tally::ingest {

/// RFC 8259 sets no limit; this one keeps readers' stacks bounded (PostgreSQL's jsonb too).
inline constexpr int json_depth_max = 64;

/// Appends one JSON value to `to` without insignificant blanks and so that jsonb takes it: \u0000
/// becomes \u2400, half a surrogate pair \ufffd, a number that numeric cannot hold a string. The
/// text is valid UTF-8. not_json or too_deep when it is no value; `to` is then to be thrown away.
record_error append_json_value(std::string_view text, std::string& to);

/// not_json or too_deep when brackets outside strings nest deeper than json_depth_max.
record_error check_json_depth(std::string_view text) noexcept;

/// The characters of a JSON string, given what stands between its quotes: the same view when there
/// is nothing to unescape. Half a surrogate pair becomes U+FFFD, \u0000 U+2400.
std::string_view unescape_json(std::string_view content, text_arena& arena);

/// Writes one JSON object into a string.
class json_object_writer {
  public:
    explicit json_object_writer(std::string& to) : to_(to) { to_ += '{'; }

    /// Members without a value are left out. `text` is valid UTF-8 without NUL.
    void member(std::string_view name, std::string_view text);
    void finish() { to_ += '}'; }
    /// `object` is a JSON object's text; its members come first.
    void members_of(std::string_view object);

  private:
    void separate();

    std::string& to_;
    bool is_empty_ = true;
};

} // namespace tally::ingest
