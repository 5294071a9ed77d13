#pragma once

#include "ingest/record/record_batch.hpp"
#include "ingest/record/source.hpp"

#include <array>
#include <string_view>

namespace tally::ingest {

/// Context of an input: what a decoder has to know besides the bytes.
struct decode_context {
    source const& sender;
    std::string_view content_type; ///< of a push; empty for files
    std::string_view query;        ///< of a push, after the first '?'; empty for files
    time_us received = 0;          ///< time of receipt, for events without a time
};

/// Decodes `batch.body` and appends the records to `batch`. A decoder knows one format, no sockets
/// and no database. It never throws, whatever the input. A record that cannot be read becomes a
/// rejected_record; an input that cannot be split into records sets batch.body_error. Each thread
/// has its own parser (thread_local), and a decoder allocates nothing per record once its buffers
/// have grown. Any thread.
///
///     record_batch batch;
///     batch.set_body(R"({"uuid": "…", "account_number": "ACC-10001"})");
///     format const* const canonical = find_format("canonical"); // nullptr: unknown name
///     canonical->decode({sender, "application/json", {}, now_us()}, batch);
///     for (cdr const& call : batch.cdrs) { store(call); }
///     for (rejected_record const& bad : batch.rejected) { report(bad); }
using decode_fn = void (*)(decode_context const& context, record_batch& batch) noexcept;

/// How a stream of bytes in a format is cut into pieces that hold whole records.
enum class framing : std::uint8_t {
    line,    ///< every LF ends a record (NDJSON)
    csv_row, ///< a record ends with LF, CR LF or CR outside quotes (csv_row.hpp)
    whole,   ///< one record, or one array, is the whole input
};

/// An application can correct and repeat a record, so it gets its errors back. A switch cannot:
/// what it sends is accepted with 2xx, and an unreadable record waits in suspense (docs/FORMATS.md,
/// Answer policy).
enum class sender_kind : std::uint8_t { application, telephony_switch };

/// What the records of a format are.
enum class record_kind : std::uint8_t { cdr, event };

/// Its label in metrics.
constexpr std::string_view name_of(record_kind kind) noexcept {
    return kind == record_kind::cdr ? "cdr" : "event";
}

/// One row of the table of formats: all that the rest of the daemon knows about a format.
struct format {
    std::string_view name;        ///< "canonical", "freeswitch", "asterisk": in URLs and --format
    std::string_view description; ///< one line for --help
    decode_fn decode;
    framing cut;
    sender_kind sender;
    record_kind kind;
    /// Paths of its push endpoints, the usual one first, then empty ones. All empty: not accepted
    /// by push.
    std::array<std::string_view, 2> paths;
    bool by_file; ///< tallyd import --format {name}
};

} // namespace tally::ingest
