#include "ingest/json/rejected_record.hpp"

namespace tally::ingest {

namespace {

/// A detail may quote the sender's own bytes; this much of it is enough to find them.
constexpr std::size_t quoted_bytes_max = 400;

} // namespace

void append_error(json_writer& json, std::uint64_t index, rejected_record const& record) {
    std::string_view const detail = record.detail.empty() ? explain(record.error) : record.detail;
    json.open('{').key("index").value(index).key("code").value(code(record.error));
    if (!record.field.empty()) {
        json.key("field").value(record.field.substr(0, quoted_bytes_max));
    }

    // Only for a record that was accepted nevertheless: the sender must not send it again.
    json.key("detail").value(detail.substr(0, quoted_bytes_max));
    if (record.suspended) {
        json.key("suspended").value(true);
    }
    json.close('}');
}

} // namespace tally::ingest
