#include "daemon/import/summary.hpp"

#include "daemon/cli/progress.hpp"
#include "daemon/cli/table_printer.hpp"
#include "ingest/json/writer.hpp"

#include <array>
#include <cstdio>
#include <ostream>

namespace tally::daemon {

namespace {

using reasons = std::map<ingest::record_error, std::uint64_t>;

std::string seconds_text(std::chrono::milliseconds elapsed) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.1f s", static_cast<double>(elapsed.count()) / 1000);
    return text.data();
}

std::string reasons_text(reasons const& counted) {
    std::string text;
    for (auto const& [reason, count] : counted) {
        text +=
            (text.empty() ? "" : ", ") + std::string{ingest::code(reason)} + " " + grouped(count);
    }
    return text;
}

/// A sum per currency: amounts of different currencies cannot be added.
std::string cost_text(import_ledger::totals const& totals) {
    std::string text;
    for (auto const& [currency, sum] : totals.cost_by_currency) {
        text += (text.empty() ? "" : ", ") + currency + " " + rating::to_string(sum);
    }
    return text;
}

void write_line(std::ostream& out, std::string title, std::string const& text) {
    title.resize(12, ' ');
    out << "  " << title << text << '\n';
}

void write_counts(std::ostream& out, import_summary const& summary) {
    auto const& c = summary.counts;

    // R3: each line is a sum, so that a record that is missing shows.
    std::string received = grouped(c.received) + " = ";

    // Only when there are any: the usual import begins at the first record.
    if (c.resumed > 0) {
        received += grouped(c.resumed) + " stored by an earlier run + ";
    }
    received += grouped(c.accepted) + " accepted + " + grouped(c.rejected) + " rejected + " +
                grouped(c.skipped) + " skipped";
    write_line(out, "received", received);
    auto const* stored = summary.is_dry_run ? " to be committed + " : " committed + ";
    write_line(out, "accepted",
               grouped(c.accepted) + " = " + grouped(c.committed) + stored + grouped(c.duplicate) +
                   " duplicate + " + grouped(c.suspended) + " suspended");
}

ingest::json_writer& add_reasons(ingest::json_writer& json, reasons const& counted) {
    json.open('{');
    for (auto const& [reason, count] : counted) {
        json.key(ingest::code(reason)).value(count);
    }
    return json.close('}');
}

void add_counts(ingest::json_writer& json, import_counts const& c) {
    json.key("received").value(c.received).key("resumed").value(c.resumed);
    json.key("accepted").value(c.accepted).key("rejected").value(c.rejected);
    json.key("skipped").value(c.skipped).key("committed").value(c.committed);
    json.key("duplicate").value(c.duplicate).key("suspended").value(c.suspended);
}

/// A member that does not apply is left out, not empty.
void add_optional(ingest::json_writer& json, std::string_view name, std::string const& text) {
    if (!text.empty()) {
        json.key(name).value(text);
    }
}

} // namespace

std::string state_text(import_end end) {
    switch (end) {
    case import_end::done:
        return "done";
    case import_end::file_failed:
        return "failed";
    case import_end::stopped:
        return "stopped";
    case import_end::given_up:
        break;
    }
    return "given_up";
}

void write_text(std::ostream& out, import_summary const& summary) {
    auto const rate = records_per_second(summary.counts.received, summary.elapsed);
    out << printable(summary.file) << ": " << (summary.is_dry_run ? "dry run, " : "")
        << summary.state << " after " << seconds_text(summary.elapsed) << ", " << grouped(rate)
        << " records/s\n";

    write_counts(out, summary);

    if (auto const cost = cost_text(summary.totals); !cost.empty()) {
        write_line(out, "cost", cost);
    }

    if (auto const reason = reasons_text(summary.totals.suspended_by_reason); !reason.empty()) {
        write_line(out, "suspended", reason);
    }

    if (summary.counts.rejected > 0) {
        write_line(out, "rejected",
                   reasons_text(summary.rejected_by_reason) + "; see " +
                       printable(summary.rejects_file));
    }
}

void write_json(std::ostream& out, import_summary const& summary) {
    ingest::json_writer json;
    json.open('{').key("file").value(summary.file).key("state").value(summary.state);
    add_optional(json, "failure", summary.failure);
    add_optional(json, "id", summary.id);
    add_optional(json, "digest", summary.digest);

    json.key("format").value(summary.format).key("source").value(summary.source);
    json.key("dry_run").value(summary.is_dry_run);

    add_counts(json, summary.counts);
    add_reasons(json.key("rejected_by_reason"), summary.rejected_by_reason);
    add_reasons(json.key("suspended_by_reason"), summary.totals.suspended_by_reason);

    // Amounts are texts: many readers of JSON take numbers for doubles, which lose digits.
    json.key("cost").open('{');
    for (auto const& [currency, sum] : summary.totals.cost_by_currency) {
        json.key(currency).value(rating::to_string(sum));
    }
    json.close('}').key("elapsed_ms").value(summary.elapsed.count());
    json.key("records_per_second")
        .value(records_per_second(summary.counts.received, summary.elapsed));
    out << json.close('}').text() << '\n';
}

} // namespace tally::daemon
