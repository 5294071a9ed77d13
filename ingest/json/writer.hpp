#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

namespace tally::ingest {

/// Writes small JSON documents, such as responses. Text may contain any bytes: what is not UTF-8
/// becomes U+FFFD, so that every document is valid JSON, whatever a sender's record contains. One
/// thread.
///
///     json_writer json;
///     json.open('{').key("lanes").open('[').value(1).close(']').close('}');
class json_writer {
  public:
    /// '{' or '['.
    json_writer& open(char bracket);
    /// '}' or ']'.
    json_writer& close(char bracket);
    json_writer& key(std::string_view name);
    json_writer& value(std::string_view text);
    json_writer& value(char const* text) { return value(std::string_view{text}); }
    json_writer& value(bool truth) { return literal(truth ? "true" : "false"); }
    json_writer& value(std::integral auto number) { return literal(std::to_string(number)); }
    /// A value that is JSON already.
    json_writer& raw(std::string_view json) { return literal(json); }
    json_writer& null() { return literal("null"); }

    [[nodiscard]] std::string const& text() const& noexcept { return text_; }
    [[nodiscard]] std::string text() && noexcept { return std::move(text_); }

  private:
    void comma();
    json_writer& literal(std::string_view text);
    void append_string(std::string_view text);

    std::string text_;
    bool needs_comma_ = false;
};

} // namespace tally::ingest
