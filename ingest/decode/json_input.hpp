#pragma once

#include "ingest/base/key_table.hpp"
#include "ingest/json/text.hpp"
#include "ingest/json/value.hpp"
#include "ingest/record/record_batch.hpp"
#include "ingest/text/trim.hpp"

#include <simdjson.h>

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <string_view>

// Included by decoders' .cpp files only: simdjson's header is large.

namespace tally::ingest {

/// A value of a record, as written in the input.
struct json_token {
    enum class kind : std::uint8_t { absent, string, number, boolean, null, object, array };
    kind is = kind::absent;
    std::string_view text; ///< of a string the bytes between the quotes, still escaped

    [[nodiscard]] bool is_absent() const noexcept {
        return is == kind::absent || is == kind::null || (is == kind::string && text.empty());
    }
};

/// Reads a token. Objects and arrays are skipped as a whole; DEPTH_ERROR if they are nested too
/// deep.
simdjson::error_code read_token(simdjson::ondemand::value& value, json_token& out) noexcept;

/// The bytes of a field's key, still escaped: no known key needs an escape.
std::string_view key_of(simdjson::ondemand::field& field) noexcept;

/// Fills the tokens of the keys in `keys`; of a repeated key the last one counts. Nested values are
/// read as tokens; DEPTH_ERROR if one is too deep.
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
        if (std::size_t const index = keys.find(key_of(field)); index != keys.absent) {
            out[index] = token;
        }
    }
    return simdjson::SUCCESS;
}

/// Unescaped text of a string or number token.
inline std::string_view text_of(json_token const& token, text_arena& arena) {
    return token.is == json_token::kind::string ? unescape_json(token.text, arena) : token.text;
}

/// A view with padding that simdjson may read: the batch's body and copies in the arena have it.
inline simdjson::padded_string_view padded(std::string_view text) noexcept {
    return simdjson::padded_string_view{text.data(), text.size(),
                                        text.size() + record_batch::padding};
}
static_assert(record_batch::padding >= simdjson::SIMDJSON_PADDING);

/// The thread's parser. It grows in powers of two, so that records of growing length do not make it
/// allocate each time, and is freed after an input of unusual size.
class json_parser {
  public:
    static json_parser& of_this_thread();

    simdjson::error_code iterate(std::string_view text, simdjson::ondemand::document& document);
    void trim() noexcept;

  private:
    /// 64 KiB: three times the usual FreeSWITCH record.
    static constexpr std::size_t bytes_min = 64 * 1024;
    /// 1 MiB: the buffers take six times the input's length.
    static constexpr std::size_t bytes_kept_max = 1024 * 1024;

    simdjson::ondemand::parser parser_;
};

/// The shape in which an input contains its records.
enum class body_shape : std::uint8_t {
    empty,
    array,             ///< one JSON array
    document,          ///< one value, on one or more lines
    document_or_lines, ///< one value over several lines, or else NDJSON
    lines,             ///< NDJSON
};

/// Decides by the first bytes and line ends. `body` is trimmed.
body_shape shape_of(std::string_view body) noexcept;

/// Calls `each(line)` for every line that is not blank; lines are trimmed.
template <std::invocable<std::string_view> Each>
void for_each_line(std::string_view body, Each const& each) {
    while (!body.empty()) {
        std::size_t const end = std::min(body.find('\n'), body.size());
        std::string_view const line = trimmed(strip_bom(body.substr(0, end)));
        if (!line.empty()) {
            each(line);
        }
        body.remove_prefix(std::min(end + 1, body.size()));
    }
}

} // namespace tally::ingest
