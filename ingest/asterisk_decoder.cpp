#include "ingest/asterisk_decoder.hpp"

#include "ingest/asterisk_row.hpp"
#include "ingest/csv_row.hpp"
#include "ingest/decoder_tools.hpp"
#include "ingest/utf8_text.hpp"

#include <exception>

namespace tally::ingest {

namespace {

void read_row(std::string_view row, source const& from, record_collector& out) {
    if (row.size() > from.record_bytes_max) {
        out.reject({record_error::record_too_large, {}, "over the source's record_bytes_max"}, row);
        return;
    }
    asterisk_row fields;
    cdr call;
    auto& arena = out.batch().text;
    auto fault = split_asterisk_row(row, arena, fields);
    if (!fault) {
        fault = read_asterisk(fields, row, from, arena, call);
    }
    if (fault) {
        out.reject(fault, row);
    } else {
        out.accept(call);
    }
}

} // namespace

void decode_asterisk(decode_context const& context, record_batch& batch) noexcept {
    record_collector out{batch};
    try {
        auto rest = without_mark(batch.body);
        while (!rest.empty()) {
            auto const length = csv_row_length(rest, true);
            // A crash leaves runs of NUL bytes, an editor blank lines: neither is a record.
            if (auto const row = trimmed(rest.substr(0, length)); !row.empty()) {
                read_row(row, context.from, out);
            }
            rest.remove_prefix(length);
        }
    } catch (std::exception const&) {
        out.fail_whole(record_error::record_too_large, no_memory_detail);
    }
}

} // namespace tally::ingest
