#include "daemon/suspense/report.hpp"

#include "daemon/cli/payload_text.hpp"
#include "daemon/cli/table_printer.hpp"
#include "daemon/cli/time_text.hpp"
#include "ingest/base/record_error.hpp"
#include "ingest/json/writer.hpp"

#include <algorithm>
#include <ostream>

namespace tally::daemon {

namespace {

/// What the operator can do. A reason that a later version of tallyd wrote is unknown here.
std::string_view advice(std::string const& reason) {
    auto const known = ingest::parse_code(reason);
    return known == ingest::record_error::none ? "this tallyd does not know the reason"
                                               : ingest::explain(known);
}

/// Whether and when a daemon retries the record automatically.
std::string next_step(storage::suspense_record const& record) {
    if (record.state != "waiting") {
        return "none";
    }

    // A reason that needs a person is not retried automatically, whatever the number of attempts.
    auto const heals = ingest::retry_trigger_of(ingest::parse_code(record.reason));
    std::string const by_hand = "tallyd suspense retry " + ingest::to_string(record.id);
    if (heals == ingest::retry_trigger::by_hand) {
        return "by hand: " + by_hand;
    }
    if (record.next_attempt_at == ingest::never_us) {
        return "by hand, all automatic attempts are used: " + by_hand;
    }
    return heals == ingest::retry_trigger::catalog
               ? "by a daemon, when the catalog changes after " + time_text(record.next_attempt_at)
               : "by a daemon, after " + time_text(record.next_attempt_at);
}

/// null, not an empty text, for what did not happen.
void add_time(ingest::json_writer& writer, std::string_view key, ingest::time_us time) {
    writer.key(key);
    time == ingest::never_us ? writer.null() : writer.value(time_text(time));
}

void add_text(ingest::json_writer& writer, std::string_view key, std::string const& text) {
    writer.key(key);
    text.empty() ? writer.null() : writer.value(text);
}

} // namespace

void print_groups(std::ostream& out, std::vector<storage::suspense_group> const& groups) {
    table_printer table{{{"state"},
                         {"reason"},
                         {"source"},
                         {"format"},
                         {"records", table_align::right},
                         {"bytes", table_align::right},
                         {"oldest (UTC)"},
                         {"newest (UTC)"},
                         {"what to do"}}};
    for (auto const& group : groups) {
        table.add({group.state, group.reason, group.source, group.format, count_text(group.records),
                   count_text(group.bytes), time_text(group.oldest), time_text(group.newest),
                   std::string{advice(group.reason)}});
    }

    table.print(out);
}

void print_groups_as_json(std::ostream& out, std::vector<storage::suspense_group> const& groups) {
    for (auto const& group : groups) {
        ingest::json_writer json;
        json.open('{').key("state").value(group.state).key("reason").value(group.reason);
        json.key("source").value(group.source).key("format").value(group.format);
        json.key("records").value(group.records).key("bytes").value(group.bytes);
        add_time(json, "oldest", group.oldest);
        add_time(json, "newest", group.newest);
        json.key("explanation").value(advice(group.reason));
        out << json.close('}').text() << '\n';
    }
}

void print_rows(std::ostream& out, std::vector<storage::suspense_record> const& rows,
                std::int64_t all) {
    table_printer table{{{"id"},
                         {"received (UTC)"},
                         {"state"},
                         {"reason"},
                         {"source"},
                         {"format"},
                         {"attempts", table_align::right},
                         {"bytes", table_align::right},
                         {"detail"}}};
    for (auto const& row : rows) {
        table.add({ingest::to_string(row.id), time_text(row.received_at), row.state, row.reason,
                   row.source, row.format, std::to_string(row.attempts),
                   count_text(row.payload_bytes), row.detail});
    }
    table.print(out);

    if (all > static_cast<std::int64_t>(rows.size())) {
        out << "the latest " << count_text(static_cast<std::int64_t>(rows.size())) << " of "
            << count_text(all) << "; more with --limit\n";
    }
}

void print_record(std::ostream& out, storage::suspense_record const& record) {
    auto const line = [&out](std::string_view name, std::string const& text) {
        if (!text.empty()) {
            out << name << std::string(14 - name.size(), ' ') << printable(text) << '\n';
        }
    };

    // What an operator decides by comes first: the reason, what to do, and when a daemon tries
    // again.
    line("id", ingest::to_string(record.id));
    line("state", record.state);
    line("reason", record.reason);
    line("what to do", std::string{advice(record.reason)});
    line("detail", record.detail);
    line("next attempt", next_step(record));

    line("source", record.source);
    line("format", record.format);
    line("attempts", std::to_string(record.attempts) + ", " + std::to_string(record.auto_attempts) +
                         " of them automatic");

    line("received", time_text(record.received_at));
    line("resolved", time_text(record.resolved_at));
    line("resolved by", record.resolved_by);
    line("because", record.resolution);

    // The payload last: it may have any length.
    out << "payload       " << count_text(record.payload_bytes) << " bytes\n"
        << readable(record.payload) << '\n';
}

std::string json_line(storage::suspense_record const& record, with_payload payload) {
    ingest::json_writer json;
    json.open('{').key("id").value(ingest::to_string(record.id));
    json.key("state").value(record.state).key("reason").value(record.reason);
    json.key("explanation").value(advice(record.reason));

    add_text(json, "detail", record.detail);
    json.key("source").value(record.source).key("format").value(record.format);
    json.key("attempts").value(record.attempts).key("auto_attempts").value(record.auto_attempts);
    add_time(json, "received_at", record.received_at);
    add_time(json, "next_attempt_at", record.next_attempt_at);
    add_time(json, "resolved_at", record.resolved_at);
    add_text(json, "resolved_by", record.resolved_by);
    add_text(json, "resolution", record.resolution);

    // The size also without the payload, since lists leave that out.
    json.key("payload_bytes").value(record.payload_bytes);
    if (payload == with_payload::yes) {
        add_payload(json, "payload", record.payload);
    }
    return std::move(json.close('}')).text();
}

} // namespace tally::daemon
