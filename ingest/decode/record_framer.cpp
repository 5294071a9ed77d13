#include "ingest/decode/record_framer.hpp"

#include "ingest/text/csv_row.hpp"

namespace tally::ingest {
namespace {

std::size_t whole_csv_rows(std::string_view bytes) noexcept {
    std::size_t whole = 0;
    while (whole < bytes.size()) {
        // 0: the row may continue in the next piece, so it is not cut here.
        std::size_t const length = csv_row_length(bytes.substr(whole), false);
        if (length == 0) {
            break;
        }
        whole += length;
    }
    return whole;
}

} // namespace

std::size_t whole_records(framing cut, std::string_view bytes, bool at_end) noexcept {
    // The last record needs no line end.
    if (at_end) {
        return bytes.size();
    }
    switch (cut) {
    case framing::line:
        return bytes.rfind('\n') + 1; // npos + 1 is 0
    case framing::csv_row:
        return whole_csv_rows(bytes);
    // Only the end of the input shows that a document is complete.
    case framing::whole:
        return 0;
    }
    return 0;
}

} // namespace tally::ingest
