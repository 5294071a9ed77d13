#pragma once

#include "ingest/base/text_arena.hpp"

#include <string>
#include <string_view>

namespace tally::ingest {

/// The characters of a JSON string; `content` is the text between its quotes. The same view if
/// there is nothing to unescape. Half a surrogate pair becomes U+FFFD, \u0000 U+2400.
std::string_view unescape_json(std::string_view content, text_arena& arena);

/// Writes one JSON object into a string.
class json_object_writer {
  public:
    explicit json_object_writer(std::string& out) : out_(out) { out_ += '{'; }

    /// Members without a value are left out. `text` is valid UTF-8 without NUL.
    void member(std::string_view name, std::string_view text);
    void finish() { out_ += '}'; }
    /// Adds the members of `object`, the text of a JSON object.
    void members_of(std::string_view object);

  private:
    void separate();

    std::string& out_;
    bool is_empty_ = true;
};

} // namespace tally::ingest
