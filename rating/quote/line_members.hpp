#pragma once

#include "ingest/base/record_error.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tally::rating {

/// A member of a line's object. A number stays as text, since a price must not pass through a
/// double.
struct line_member {
    enum class kind : std::uint8_t { absent, string, number, boolean, nested };

    std::string name;
    kind is = kind::absent; ///< null and "" are absent
    std::string text;       ///< a string's characters; of other kinds the JSON text
    bool in_properties = false;

    [[nodiscard]] bool is_text() const noexcept { return is == kind::string || is == kind::number; }
    friend bool operator==(line_member const&, line_member const&) = default;
};

/// Splits a line of JSON into members: those of one object, and of the object "properties" in it,
/// if there is one. Keeps its parser and buffer for the next line. One thread.
class line_parser {
  public:
    line_parser();
    ~line_parser();
    line_parser(line_parser const&) = delete;
    line_parser& operator=(line_parser const&) = delete;

    /// Gives the members in the order of the line, including several of one name. Returns none,
    /// not_json, not_an_object, too_deep or record_too_large; after an error `out` is unusable.
    ingest::record_error parse(std::string_view line, std::vector<line_member>& out);

  private:
    struct impl;
    std::unique_ptr<impl> impl_;
};

} // namespace tally::rating
