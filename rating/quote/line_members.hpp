#pragma once

#include "ingest/base/record_error.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tally::rating {

/// A member of a line's object. Numbers stay as they are written: a price must not go by a double.
struct line_member {
    enum class kind : std::uint8_t { absent, string, number, boolean, nested };

    std::string name;
    kind is = kind::absent; ///< null and "" are absent
    std::string text;       ///< a string's characters; else as it stands in the line
    bool in_properties = false;

    [[nodiscard]] bool is_text() const noexcept { return is == kind::string || is == kind::number; }
    friend bool operator==(line_member const&, line_member const&) = default;
};

/// Takes a line of JSON apart: one object, and the object "properties" in it when there is one.
/// Keeps its parser and buffer for the next line; one thread.
class line_parser {
  public:
    line_parser();
    ~line_parser();
    line_parser(line_parser const&) = delete;
    line_parser& operator=(line_parser const&) = delete;

    /// Members in the order of the line, also when there are several of one name. not_json,
    /// not_an_object, too_deep or record_too_large; `out` is then not to be used.
    ingest::record_error parse(std::string_view line, std::vector<line_member>& out);

  private:
    struct impl;
    std::unique_ptr<impl> impl_;
};

} // namespace tally::rating
