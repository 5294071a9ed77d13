#pragma once

#include "ingest/record/record_batch.hpp"
#include "ingest/record/source.hpp"

#include <array>
#include <string_view>

namespace tally::ingest {

/// What came with the bytes and matters for reading them.
struct decode_context {
    source const& from;
    std::string_view content_type; ///< of a push; empty for files
    std::string_view query;        ///< of a push, behind the first '?'; empty for files
    time_us received = 0;          ///< when it came, for events that say no time
};

/// Turns `batch.body` into records appended to `batch`. Knows one format, no sockets, no database.
/// Never throws, never crashes on any input; what cannot be read becomes a rejected_record, or
/// batch.whole_error when nothing in it can be told apart. One parser per thread, kept
/// thread_local; allocates nothing per record once its buffers have grown. Any thread.
using decode_fn = void (*)(decode_context const& context, record_batch& batch) noexcept;

/// How a stream of bytes in a format is cut into pieces that hold whole records.
enum class framing : std::uint8_t {
    line,    ///< a record ends with LF, wherever it stands (NDJSON)
    csv_row, ///< a record ends with LF, CR LF or CR outside quotes (csv_row.hpp)
    whole,   ///< one record, or one array, is the whole input
};

/// A sender that can correct and repeat a record gets its errors back; a switch cannot, so what it
/// sends is taken with 2xx and an unreadable record waits in suspense (docs/FORMATS.md, Answer
/// policy).
enum class sender_kind : std::uint8_t { application, telephony_switch };

/// What a format's records are.
enum class record_kind : std::uint8_t { cdr, event };

/// As metrics name it.
constexpr std::string_view name_of(record_kind kind) noexcept {
    return kind == record_kind::cdr ? "cdr" : "event";
}

/// One row of the table of formats: all that the rest of the daemon knows of one.
struct format {
    std::string_view name;        ///< "canonical", "freeswitch", "asterisk": in URLs and --format
    std::string_view description; ///< one line for --help
    decode_fn decode;
    framing cut;
    sender_kind sender;
    record_kind kind;
    /// Where it is posted to, the usual address first, then empty ones; none: not by push.
    std::array<std::string_view, 2> paths;
    bool by_file; ///< tallyd import --format {name}
};

} // namespace tally::ingest
