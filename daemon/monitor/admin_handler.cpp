#include "daemon/monitor/admin_handler.hpp"

#include "daemon/monitor/metrics.hpp"
#include "ingest/http/problem.hpp"
#include "ingest/json/writer.hpp"

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

namespace tally::daemon {

namespace {

using ingest::http_response;
using ingest::json_writer;

constexpr std::string_view exposition_content_type = "text/plain; version=0.0.4; charset=utf-8";

/// With a line end, for a person who asks with curl.
http_response line_response(unsigned status, json_writer json) {
    return ingest::json_response(status, std::move(json).text() + '\n');
}

/// Why the daemon is not ready; empty when it is. A database that is unavailable is not
/// a reason: the journal takes records meanwhile.
std::vector<std::string_view> obstacles(daemon_status const& now) {
    std::vector<std::string_view> found;
    if (now.draining) {
        found.emplace_back("draining");
    }

    if (!now.catalog_age_s && !now.sources_cached) { // nothing to authorize pushes by
        found.emplace_back("catalog_not_loaded");
    }

    // Pushes get 503 while it is full, so a load balancer should send them elsewhere.
    if (now.journal_full) {
        found.emplace_back("journal_full");
    }

    // Records were lost: it stays until an operator has settled them, so that no one overlooks it
    // (R3).
    if (!now.journal_missing.empty()) {
        found.emplace_back("journal_records_missing");
    }

    // R4: a part that hangs has not reported a failure, and perhaps never will.
    if (std::ranges::any_of(now.parts, &part_status::is_standing_still)) {
        found.emplace_back("standing_still");
    }

    // Unknown is not short: before the database is reached there is nothing to judge.
    if (now.partition_horizon_s && *now.partition_horizon_s < partition_horizon_s_min) {
        found.emplace_back("partition_horizon_short");
    }
    return found;
}

/// null, not 0: unknown is not the same as none.
void append_optional(json_writer& json, std::string_view name, std::optional<std::int64_t> value) {
    json.key(name);
    value ? json.value(*value) : json.null();
}

void append_obstacles(json_writer& json, daemon_status const& now) {
    auto const found = obstacles(now);
    json.key("ready").value(found.empty()).key("reasons").open('[');

    for (std::string_view const reason : found) {
        json.value(reason);
    }
    json.close(']');
}

void append_part(json_writer& json, part_status const& part) {
    json.open('{').key("part").value(part.part).key("state").value(part.state);
    json.key("seconds").value(part.seconds);
    if (!part.detail.empty()) {
        json.key("detail").value(part.detail);
    }
    json.close('}');
}

/// Which parts stand still, for who looks at /readyz only; nothing if none does.
void append_standing(json_writer& json, daemon_status const& now) {
    if (std::ranges::none_of(now.parts, &part_status::is_standing_still)) {
        return;
    }
    json.key("standing_still").open('[');
    for (auto const& part : now.parts) {
        if (part.is_standing_still) {
            append_part(json, part);
        }
    }
    json.close(']');
}

void append_parts(json_writer& json, daemon_status const& now) {
    json.key("parts").open('[');
    for (auto const& part : now.parts) {
        append_part(json, part);
    }
    json.close(']');
}

void append_database(json_writer& json, daemon_status const& now) {
    json.key("database").open('{').key("up").value(now.database_up);
    json.key("reached").value(now.database_reached).key("detail").value(now.database_detail);
    append_optional(json, "partition_horizon_s", now.partition_horizon_s);
    json.close('}');
}

void append_journal(json_writer& json, daemon_status const& now) {
    json.key("journal").open('{').key("bytes").value(now.journal_bytes);
    json.key("oldest_s").value(now.journal_oldest_s).key("full").value(now.journal_full);
    json.key("commit_waiters").value(now.commit_waiters);
    json.key("missing").open('[');
    for (auto const& gap : now.journal_missing) {
        json.open('{').key("stream").value(gap.stream);
        json.key("first_record").value(gap.first_record);
        json.key("end_record").value(gap.end_record).close('}');
    }
    json.close(']').close('}');
}

void append_lanes(json_writer& json, std::vector<lane_status> const& lanes) {
    json.key("lanes").open('[');
    for (lane_status const& lane : lanes) {
        json.open('{').key("lane").value(lane.lane).key("queue_records").value(lane.queue_records);
        append_optional(json, "last_commit_s", lane.last_commit_s);
        json.close('}');
    }
    json.close(']');
}

void append_catalog(json_writer& json, daemon_status const& now) {
    json.key("catalog").open('{');
    append_optional(json, "age_s", now.catalog_age_s);
    json.key("sources").value(now.sources).key("accounts").value(now.accounts);
    json.key("subscriptions").value(now.subscriptions);
    json.key("rate_prefixes").value(now.rate_prefixes).close('}');
}

void append_totals(json_writer& json, metric_totals const& totals) {
    json.key("records").open('{');
    json.key("received").value(totals.received).key("accepted").value(totals.accepted);
    json.key("rejected").value(totals.rejected).key("committed").value(totals.committed);
    json.key("duplicate").value(totals.duplicate).key("suspended").value(totals.suspended);
    json.close('}');
}

} // namespace

struct admin_handler::route {
    std::string_view path;
    http_response (admin_handler::*response)() const;
};

constexpr admin_handler::route admin_handler::routes[] = {
    {"/metrics", &admin_handler::metrics_response},
    {"/healthz", &admin_handler::health_response},
    {"/readyz", &admin_handler::ready_response},
    {"/status", &admin_handler::status_response},
};

admin_handler::admin_handler(metrics const& counters, std::function<daemon_status()> status,
                             std::string version)
    : counters_(counters), status_(std::move(status)), version_(std::move(version)) {}

/// Answers at once, from memory: a database that hangs must not make the daemon look dead.
ingest::http_step admin_handler::begin(ingest::http_head const& head) {
    for (route const& candidate : routes) {
        if (candidate.path != head.path) {
            continue;
        }

        // The method is judged after the path, so that a wrong path is 404 whatever the method.
        bool const reads = head.method == "GET" || head.method == "HEAD";
        http_response response =
            reads ? (this->*candidate.response)() : ingest::method_not_allowed("GET, HEAD");
        response.endpoint = candidate.path;
        return response;
    }

    // One label for all unknown paths: a client must not be able to grow the metrics.
    http_response reply = ingest::problem(
        404, "no such path; this endpoint has /metrics, /healthz, /readyz and /status");
    reply.endpoint = "other";
    return reply;
}

http_response admin_handler::metrics_response() const {
    http_response response;

    // Prometheus chooses its parser by the version in the type.
    response.content_type = exposition_content_type;
    response.body = counters_.text();
    return response;
}

/// Alive means that this thread answers. Whether the daemon is of use is for /readyz.
http_response admin_handler::health_response() const {
    json_writer json;
    json.open('{').key("status").value("alive").close('}');
    return line_response(200, std::move(json));
}

/// One reading of the status, so that the code and the reasons agree.
http_response admin_handler::ready_response() const {
    daemon_status const now = status_();
    json_writer json;
    json.open('{');

    append_obstacles(json, now);
    append_standing(json, now);
    json.close('}');
    return line_response(obstacles(now).empty() ? 200 : 503, std::move(json));
}

http_response admin_handler::status_response() const {
    daemon_status const now = status_();

    // By the steady clock: setting the system's clock does not change the uptime.
    auto const uptime = std::chrono::steady_clock::now() - started_;
    json_writer json;
    json.open('{').key("version").value(version_);
    json.key("uptime_s").value(std::chrono::duration_cast<std::chrono::seconds>(uptime).count());
    json.key("draining").value(now.draining);

    // Readiness first, as /readyz has it, then each part.
    append_obstacles(json, now);
    append_database(json, now);
    append_journal(json, now);
    append_lanes(json, now.lanes);
    append_parts(json, now);
    append_catalog(json, now);

    // The totals of the metrics, so that both pages agree.
    append_totals(json, counters_.totals());
    json.key("http_connections").value(now.http_connections);
    json.key("tcp_connections").value(now.tcp_connections).close('}');
    return line_response(200, std::move(json));
}

} // namespace tally::daemon
