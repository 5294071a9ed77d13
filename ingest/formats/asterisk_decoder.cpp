#include "ingest/formats/asterisk_decoder.hpp"

#include "ingest/formats/asterisk_record.hpp"
#include "ingest/text/trim.hpp"

#include <exception>

namespace tally::ingest {
namespace {

record_fault decode_row(std::string_view row, source const& source, text_arena& arena, cdr& call) {
    if (row.size() > source.record_bytes_max) {
        return {record_error::record_too_large, {}, explain(record_error::record_too_large)};
    }

    // A field that is torn open would shift all columns after it, so the row is refused as a whole.
    std::array<csv_field, asterisk_columns_max> fields;
    csv_split const split = split_csv_row(row, fields);
    if (!split.is_closed) {
        return {record_error::bad_quoting, {}, "a quote is not closed, or closed inside a field"};
    }

    // The options of cdr_csv add columns at the end; their number tells which ones.
    asterisk_row columns;
    if (split.columns > fields.size() ||
        !arrange_columns(std::span{fields}.first(split.columns), columns)) {
        return {record_error::bad_columns, {}, "expected the 16 to 21 columns of cdr_csv"};
    }
    return read_asterisk(columns, row, source, arena, call);
}

void decode_rows(source const& source, record_batch& batch) {
    record_collector out(batch);
    std::string_view rest = batch.body;
    while (!rest.empty()) {
        // The file reader cuts by the same rule, so a file gives the same rows in pieces and as a
        // whole.
        std::size_t const length = csv_row_length(rest, true);
        std::string_view const row = trimmed(strip_bom(rest.substr(0, length)));
        rest.remove_prefix(length);
        if (row.empty()) {
            continue;
        }

        cdr call;
        call.raw = row;
        if (record_fault const fault = decode_row(row, source, batch.text, call)) {
            out.reject(fault, row);
        } else {
            out.accept(call);
        }
    }
}

} // namespace

void decode_asterisk(decode_context const& context, record_batch& batch) noexcept {
    try {
        decode_rows(context.sender, batch);
        // No memory, or more rejected records than an input can have: decoders do not throw.
    } catch (std::exception const&) {
        record_collector(batch).reject_body(record_error::record_too_large, no_memory_detail);
    }
}

} // namespace tally::ingest
