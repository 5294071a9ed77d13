#include "ingest/push/response.hpp"

#include "ingest/http/problem.hpp"
#include "ingest/json/rejected_record.hpp"
#include "ingest/json/writer.hpp"

#include <algorithm>
#include <utility>

namespace tally::ingest {

namespace {

std::string errors_of(std::vector<rejected_record> const& rejected) {
    json_writer json;
    // Bounded: a body of bad records would get a response larger than itself.
    json.open('[');
    for (std::size_t i = 0; i < std::min(rejected.size(), errors_listed_max); ++i) {
        append_error(json, rejected[i].index, rejected[i]);
    }
    return std::move(json.close(']')).text();
}

void append_counts(json_writer& json, push_summary const& summary) {
    json.key("received").value(summary.counts.received);
    json.key("accepted").value(summary.counts.accepted);
    json.key("rejected").value(summary.rejected);
    if (summary.skipped != 0) {
        json.key("skipped").value(summary.skipped);
    }
}

void append_errors(json_writer& json, push_summary const& summary) {
    // Always there, even when empty, so that a client can read it without a test.
    json.key("errors").raw(summary.errors_json);
    if (summary.errors_truncated) {
        json.key("errors_truncated").value(true);
    }
}

} // namespace

push_summary summarize(record_batch const& batch, push_counts const& counts) {
    return {.counts = counts,
            .rejected = counts.all_rejected(),
            .skipped = batch.skipped,
            .errors_json = errors_of(batch.rejected),
            .errors_truncated = batch.rejected.size() > errors_listed_max};
}

http_response accepted_response(push_summary const& summary, block_outcome const* outcome) {
    json_writer json;
    json.open('{');
    append_counts(json, summary);

    // Only a sender that waited for COMMIT learns what became of the records.
    if (outcome != nullptr) {
        json.key("committed").value(outcome->committed);
        json.key("duplicate").value(outcome->duplicate);
        json.key("suspended").value(outcome->suspended);
    }
    append_errors(json, summary);
    json.close('}');
    // 202: the records are durable in the journal, but not yet in the database. 200: they are in
    // the database (R1).
    return json_response(outcome == nullptr ? 202 : 200, std::move(json).text());
}

http_response all_rejected_response(push_summary const& summary) {
    json_writer json;
    json.open('{').key("type").value("about:blank").key("title").value(status_title(422));
    json.key("status").value(422).key("detail").value("none of the records was accepted");
    append_counts(json, summary);
    append_errors(json, summary);
    json.close('}');
    return json_response(422, std::move(json).text());
}

} // namespace tally::ingest
