#include "daemon/rerate/report.hpp"

#include "daemon/cli/table_printer.hpp"
#include "daemon/cli/time_text.hpp"
#include "ingest/base/record_error.hpp"
#include "ingest/json/writer.hpp"

#include <ostream>

namespace tally::daemon {
namespace {

/// Exact: sums in nanos are subtracted as integers.
rating::amount_sum difference(storage::rerate_counts const& c) noexcept {
    return {c.new_cost.nanos - c.old_cost.nanos};
}

/// With its sign, since an increase and a decrease are what the operator looks for.
std::string signed_text(rating::amount_sum sum) {
    return (sum.nanos >= 0 ? "+" : "") + rating::to_string(sum);
}

} // namespace

std::string_view state_text(storage::rerate_end end) noexcept {
    switch (end) {
    case storage::rerate_end::done:
        return "done";
    case storage::rerate_end::stopped:
        return "stopped";
    case storage::rerate_end::nothing_selected:
        return "nothing_selected";
    case storage::rerate_end::busy:
        break;
    }
    return "busy";
}

rerate_report::rerate_report(std::string label) : label_{std::move(label)} {}

void rerate_report::changed(storage::call_change const& change) {
    // A rerating may change millions of calls; the others are only counted.
    if (changes_.size() < rows_max) {
        changes_.push_back({ingest::to_string(change.key.id), time_text(change.key.start),
                            rating::to_string(change.before.cost),
                            rating::to_string(change.after.cost), change.after.matched_prefix,
                            change.before.allowance_s, change.after.allowance_s});
    }
}

void rerate_report::unrated(storage::unrated_call const& call) {
    if (unrated_.size() < rows_max) {
        unrated_.push_back({ingest::to_string(call.call->key.id), time_text(call.call->key.start),
                            call.call->destination, std::string{ingest::code(call.reason)}});
    }
}

std::chrono::milliseconds rerate_report::elapsed() const {
    return std::chrono::duration_cast<std::chrono::milliseconds>(clock::now() - began_);
}

/// The number of calls is known before the first page, so the bar shows calls, not bytes.
void rerate_report::progressed(storage::rerate_counts const& counts, std::int64_t calls_total) {
    progress_state state;
    state.label = label_;
    state.records = static_cast<std::uint64_t>(counts.seen);
    state.bytes_done = state.records;
    state.bytes_total = static_cast<std::uint64_t>(calls_total);
    state.elapsed = elapsed();
    progress_.show(state);
}

void rerate_report::write_changes(std::ostream& out, std::int64_t all) const {
    table_printer table{{{"start (UTC)"},
                         {"uuid"},
                         {"prefix"},
                         {"cost", table_align::right},
                         {"would be", table_align::right},
                         {"allowance s", table_align::right},
                         {"would be", table_align::right}}};

    for (auto const& row : changes_) {
        table.add({row.start_time, row.uuid, row.prefix, row.old_cost, row.new_cost,
                   std::to_string(row.old_allowance_s), std::to_string(row.new_allowance_s)});
    }

    if (!table.empty()) {
        table.print(out);
    }

    // The count of all comes from the run, since only the first rows were kept.
    if (auto const more = all - std::ssize(changes_); more > 0) {
        out << "... and " << count_text(more) << " more\n";
    }
}

/// These calls keep their cost: a rerating never makes a call free because its rate is gone.
void rerate_report::write_unrated(std::ostream& out, std::int64_t all) const {
    if (unrated_.empty()) {
        return;
    }
    out << "unchanged because no rate applies to them any longer:\n";
    table_printer table{{{"start (UTC)"}, {"uuid"}, {"destination"}, {"why"}}};
    for (auto const& row : unrated_) {
        table.add({row.start_time, row.uuid, row.destination, row.reason});
    }
    table.print(out);
    if (auto const more = all - std::ssize(unrated_); more > 0) {
        out << "... and " << count_text(more) << " more\n";
    }
}

void rerate_report::write_text(std::ostream& out, storage::rerate_outcome const& outcome,
                               bool is_dry_run) const {
    // Changes are listed in a dry run only; a real one leaves them in billing.cdr_adjustments.
    auto const& c = outcome.counts;
    if (is_dry_run) {
        write_changes(out, c.changed);
    }

    // Also outside a dry run: these calls need a person, who has to learn of them.
    write_unrated(out, c.unrated);

    // Each line is a sum, so that the operator can check it.
    auto const rate = records_per_second(static_cast<std::uint64_t>(c.seen), elapsed());
    out << printable(label_) << ": " << (is_dry_run ? "dry run, nothing written, " : "")
        << state_text(outcome.end) << ", " << count_text(c.periods) << " billing periods, "
        << grouped(rate) << " calls/s\n";

    out << "  calls     " << count_text(c.seen) << " = " << count_text(c.changed)
        << (is_dry_run ? " to change + " : " changed + ") << count_text(c.unchanged)
        << " unchanged + " << count_text(c.frozen) << " excluded (void, disputed, billed) + "
        << count_text(c.unrated) << " without a rate\n";
    out << "  cost      " << rating::to_string(c.old_cost) << " -> "
        << rating::to_string(c.new_cost) << " (" << signed_text(difference(c)) << "), of those "
        << (is_dry_run ? "to change" : "changed") << '\n';

    // By its id the run can be found in the table of adjustments, call by call.
    if (!outcome.run_id.is_nil()) {
        out << "  run       " << ingest::to_string(outcome.run_id)
            << (outcome.runs > 1 ? ", started " + std::to_string(outcome.runs) + " times" : "")
            << "; its changes are in billing.cdr_adjustments\n";
    }
}

void rerate_report::write_json(std::ostream& out, storage::rerate_outcome const& outcome,
                               bool is_dry_run) const {
    auto const& c = outcome.counts;
    ingest::json_writer json;
    json.open('{').key("state").value(state_text(outcome.end)).key("dry_run").value(is_dry_run);
    json.key("run").value(outcome.run_id.is_nil() ? "" : ingest::to_string(outcome.run_id));
    json.key("runs").value(outcome.runs).key("periods").value(c.periods);
    json.key("calls").value(c.seen).key("changed").value(c.changed);
    json.key("unchanged").value(c.unchanged).key("frozen").value(c.frozen);

    // Amounts are texts: many readers of JSON take numbers for doubles, which lose digits.
    json.key("unrated").value(c.unrated).key("old_cost").value(rating::to_string(c.old_cost));

    json.key("new_cost").value(rating::to_string(c.new_cost));
    json.key("difference").value(rating::to_string(difference(c))).key("changes").open('[');
    for (auto const& row : changes_) {
        json.open('{').key("uuid").value(row.uuid).key("start_time").value(row.start_time);
        json.key("matched_prefix").value(row.prefix).key("old_cost").value(row.old_cost);
        json.key("new_cost").value(row.new_cost).key("old_allowance_s").value(row.old_allowance_s);
        json.key("new_allowance_s").value(row.new_allowance_s).close('}');
    }

    json.close(']').key("without_rate").open('[');
    for (auto const& row : unrated_) {
        json.open('{').key("uuid").value(row.uuid).key("start_time").value(row.start_time);
        json.key("destination").value(row.destination).key("why").value(row.reason).close('}');
    }
    out << json.close(']').close('}').text() << '\n';
}

} // namespace tally::daemon
