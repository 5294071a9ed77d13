#pragma once

#include "ingest/base/key_table.hpp"
#include "ingest/record/record_batch.hpp"
#include "ingest/text/json_text.hpp"
#include "ingest/text/json_value.hpp"
#include "ingest/text/utf8_text.hpp"

#include <simdjson.h>

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <string_view>

// Included by decoders' .cpp files only: simdjson's header is large.

namespace tally::ingest {

/// A value of a record as it stands in the input.
struct json_token {
    enum class kind : std::uint8_t { absent, string, number, boolean, null, object, array };
    kind is = kind::absent;
    std::string_view text; ///< a string's bytes between the quotes, still escaped; else all of it

    [[nodiscard]] bool is_absent() const noexcept {
        return is == kind::absent || is == kind::null || (is == kind::string && text.empty());
    }
};

/// Reads the token without going into it; objects and arrays are passed over whole. DEPTH_ERROR
/// when they are nested too deep.
simdjson::error_code read_token(simdjson::ondemand::value& value, json_token& out) noexcept;

/// The bytes of a field's key, still escaped: a key that needs escapes is none that anybody knows.
std::string_view key_of(simdjson::ondemand::field& field) noexcept;

/// Fills the tokens of the keys that `keys` knows; of a repeated key the last one wins. Nested
/// values are read as tokens; one that is too deep is reported as DEPTH_ERROR.
template <std::size_t N>
simdjson::error_code read_members(simdjson::ondemand::object& object, key_table<N> const& keys,
                                  std::array<json_token, N>& out) noexcept {
    for (auto each : object) {
        simdjson::ondemand::field field;
        if (auto const error = std::move(each).get(field)) {
            return error;
        }
        json_token token;
        if (auto const error = read_token(field.value(), token)) {
            return error;
        }
        if (std::size_t const place = keys.find(key_of(field)); place != keys.absent) {
            out[place] = token;
        }
    }
    return simdjson::SUCCESS;
}

/// Text of a string or number token, unescaped.
inline std::string_view text_of(json_token const& token, text_arena& arena) {
    return token.is == json_token::kind::string ? unescape_json(token.text, arena) : token.text;
}

/// What an error of simdjson means for the record.
record_error error_of(simdjson::error_code error) noexcept;

/// A view that simdjson may read beyond: the batch's body and arena copies have padding.
inline simdjson::padded_string_view padded(std::string_view text) noexcept {
    return simdjson::padded_string_view{text.data(), text.size(),
                                        text.size() + record_batch::padding};
}
static_assert(record_batch::padding >= simdjson::SIMDJSON_PADDING);

/// The thread's parser. Grows in powers of two, so that records of growing length do not make it
/// allocate each time, and is let go after an input of unusual size.
class json_parser {
  public:
    static json_parser& of_this_thread();

    simdjson::error_code iterate(std::string_view text, simdjson::ondemand::document& document);
    void trim() noexcept;

  private:
    /// 64 KiB: three times the usual FreeSWITCH record.
    static constexpr std::size_t bytes_min = 64 * 1024;
    /// 1 MiB: its buffers take six times the input's length.
    static constexpr std::size_t bytes_kept_max = 1024 * 1024;

    simdjson::ondemand::parser parser_;
};

/// How an input holds its records.
enum class body_shape : std::uint8_t {
    empty,
    array,             ///< one JSON array
    document,          ///< one value, perhaps over several lines
    document_or_lines, ///< a value over several lines; if it is none, then lines
    lines,             ///< NDJSON
};

/// Looks at the first bytes and line ends. `body` is trimmed.
body_shape shape_of(std::string_view body) noexcept;

/// Calls `each(line)` for every line that is not blank; lines are trimmed.
template <std::invocable<std::string_view> Each>
void for_each_line(std::string_view body, Each const& each) {
    while (!body.empty()) {
        std::size_t const end = std::min(body.find('\n'), body.size());
        std::string_view const line = trimmed(without_mark(body.substr(0, end)));
        if (!line.empty()) {
            each(line);
        }
        body.remove_prefix(std::min(end + 1, body.size()));
    }
}

} // namespace tally::ingest
