#include "ingest/push/response.hpp"

#include "ingest/http/problem.hpp"
#include "ingest/text/json_writer.hpp"

#include <algorithm>
#include <utility>

namespace tally::ingest {

namespace {

/// A detail may quote the sender's own bytes; this much of it is enough to find them.
constexpr std::size_t detail_bytes_max = 400;

void append_error(json_writer& json, rejected_record const& record) {
    std::string_view const detail = record.detail.empty() ? explain(record.error) : record.detail;
    json.open('{').key("index").value(record.index).key("code").value(code(record.error));
    if (!record.field.empty()) {
        json.key("field").value(record.field.substr(0, detail_bytes_max));
    }
    json.key("detail").value(detail.substr(0, detail_bytes_max));
    if (record.suspended) {
        json.key("suspended").value(true);
    }
    json.close('}');
}

std::string errors_of(std::vector<rejected_record> const& rejected) {
    json_writer json;
    json.open('[');
    for (std::size_t i = 0; i < std::min(rejected.size(), errors_listed_max); ++i) {
        append_error(json, rejected[i]);
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
    json.key("errors").raw(summary.errors_json);
    if (summary.errors_truncated) {
        json.key("errors_truncated").value(true);
    }
}

http_response json_answer(unsigned status, json_writer json) {
    http_response response;
    response.status = status;
    response.content_type = json_content_type;
    response.body = std::move(json).text();
    return response;
}

} // namespace

push_summary summarize(record_batch const& batch, record_kind kind, bool keep_rejected) {
    push_summary summary;
    for (rejected_record const& record : batch.rejected) {
        if (!keep_rejected && !record.suspended) {
            ++summary.rejected;
            ++summary.counts.rejected[static_cast<std::size_t>(record.error)];
        }
    }

    // What the source's settings leave out is in neither number, so that received = accepted +
    // rejected.
    summary.counts.kind = name_of(kind);
    summary.counts.received = batch.received() - batch.skipped;
    summary.counts.accepted = summary.counts.received - summary.rejected;

    summary.skipped = batch.skipped;
    summary.errors_json = errors_of(batch.rejected);
    summary.errors_truncated = batch.rejected.size() > errors_listed_max;
    return summary;
}

http_response accepted_answer(push_summary const& summary, block_outcome const* outcome) {
    json_writer json;
    json.open('{');
    append_counts(json, summary);
    if (outcome != nullptr) {
        json.key("committed").value(outcome->committed);
        json.key("duplicate").value(outcome->duplicate);
        json.key("suspended").value(outcome->suspended);
    }
    append_errors(json, summary);
    json.close('}');
    return json_answer(outcome == nullptr ? 202 : 200, std::move(json));
}

http_response all_rejected_answer(push_summary const& summary) {
    json_writer json;
    json.open('{').key("type").value("about:blank").key("title").value(status_title(422));
    json.key("status").value(422).key("detail").value("none of the records was accepted");
    append_counts(json, summary);
    append_errors(json, summary);
    json.close('}');
    return json_answer(422, std::move(json));
}

} // namespace tally::ingest
