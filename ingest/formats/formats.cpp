#include "ingest/formats/formats.hpp"

#include "ingest/formats/asterisk_decoder.hpp"
#include "ingest/formats/canonical_decoder.hpp"
#include "ingest/formats/cloudevents_decoder.hpp"
#include "ingest/formats/freeswitch_decoder.hpp"

#include <array>

namespace tally::ingest {
namespace {

constexpr std::array table{
    format{.name = "canonical",
           .description = "tallyd's own JSON: NDJSON, an array or one object",
           .decode = decode_canonical,
           .cut = framing::line,
           .sender = sender_kind::application,
           .kind = record_kind::cdr,
           .paths = {"/v1/cdrs", "/v1/cdrs/canonical"},
           .by_file = true},
    // A JSON file of a switch is one call, pretty-printed or encoded, so it cannot be cut at line
    // ends.
    format{.name = "freeswitch",
           .description = "FreeSWITCH mod_json_cdr, as pushed or as in its err-log-dir",
           .decode = decode_freeswitch,
           .cut = framing::whole,
           .sender = sender_kind::telephony_switch,
           .kind = record_kind::cdr,
           .paths = {"/v1/cdrs/freeswitch"},
           .by_file = true},
    // A quoted field may contain line ends, so rows are cut by CSV's rules.
    format{.name = "asterisk",
           .description = "Asterisk cdr_csv (Master.csv)",
           .decode = decode_asterisk,
           .cut = framing::csv_row,
           .sender = sender_kind::telephony_switch,
           .kind = record_kind::cdr,
           .paths = {"/v1/cdrs/asterisk"},
           .by_file = true},
    format{.name = "cloudevents",
           .description = "usage events as CloudEvents 1.0: NDJSON, an array or one object",
           .decode = decode_cloudevents,
           .cut = framing::line,
           .sender = sender_kind::application,
           .kind = record_kind::event,
           .paths = {"/v1/events"},
           .by_file = true},
};

} // namespace

std::span<format const> formats() noexcept {
    return table;
}

format const* find_format(std::string_view name) noexcept {
    // A linear search: it happens once for a connection or a file, not for each record.
    for (format const& each : table) {
        if (each.name == name) {
            return &each;
        }
    }
    return nullptr;
}

} // namespace tally::ingest
