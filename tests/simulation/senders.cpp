#include "tests/simulation/world.hpp"

#include "ingest/base/time.hpp"
#include "ingest/formats/formats.hpp"
#include "tests/simulation/customers.hpp"
#include "tests/simulation/daemon_run.hpp"
#include "tests/support/json_object.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

namespace tally::simulation {

namespace {

constexpr std::size_t records_max = 150;

std::string call_body(std::string const& name, unsigned did, unsigned billsec, bool is_refused) {
    tests::json_object json;
    json.with("uuid", name).with("direction", "outbound");
    json.with("caller_id", "9180000000" + std::to_string(10 + did));
    json.with("destination", "442071838750").with("start_time", "2026-05-04T10:00:00Z");
    json.with("answer_time", "2026-05-04T10:00:00Z").with("end_time", "2026-05-04T10:01:00Z");
    json.with("duration", 60).with("billsec", billsec);
    return json.with("hangup_cause", is_refused ? "refused" : "NORMAL").text();
}

/// Subject 5 is a subscription that does not exist.
std::string event_body(std::string const& name, unsigned subscription, unsigned quantity) {
    auto const data = tests::json_object{}.with("metric", "sms").with("quantity", quantity).text();
    tests::json_object json;
    json.with("specversion", "1.0").with("id", name).with("source", "/app").with("type", "usage");
    json.with("subject", "S" + std::to_string(subscription));
    return json.with("time", "2026-05-04T10:00:00Z").with_json("data", data).text();
}

} // namespace

std::unique_ptr<ingest::record_block> world::decoded(std::string body, unsigned source,
                                                     bool are_events) const {
    auto block = std::make_unique<ingest::record_block>();
    block->sender = std::make_shared<ingest::source const>(sources_->all()[source]);
    block->in_format = ingest::find_format(are_events ? "cloudevents" : "canonical");
    block->content_type = "application/x-ndjson";
    block->received = ingest::now_us();
    block->batch.set_body(std::move(body));
    block->in_format->decode({*block->sender, block->content_type, {}, block->received},
                             block->batch);
    return block;
}

/// Keeps a record, with its identity as the decoder reads it.
std::size_t world::add(sent_record record) {
    auto const block = decoded(record.body, record.source, record.is_event);
    if (!block->batch.cdrs.empty()) {
        record.id = block->batch.cdrs[0].id;
        record.content = content_of(block->batch.cdrs[0]);
    } else if (!block->batch.events.empty()) {
        record.id = block->batch.events[0].id;
        record.content = std::to_string(block->batch.events[0].content);
    } else {
        record.id = ingest::uuid_v7(); // it cannot be read
    }
    index_of_.emplace(record.body, records_.size());
    records_.push_back(std::move(record));
    return records_.size() - 1;
}

std::size_t world::new_call(unsigned source) {
    auto const did =
        static_cast<unsigned>(random_() % (numbers + 1)); // the last one is not assigned
    sent_record record{.source = source};
    record.is_refused = chance(30);
    record.may_repeat = did < fixed_numbers;
    record.body = call_body("call-" + std::to_string(records_.size()), did,
                            static_cast<unsigned>(10 + random_() % 50), record.is_refused);
    return add(std::move(record));
}

std::size_t world::new_event(unsigned source) {
    sent_record record{.source = source};
    record.is_event = true;
    record.may_repeat = true;
    record.body =
        event_body("event-" + std::to_string(records_.size()), static_cast<unsigned>(random_() % 6),
                   static_cast<unsigned>(1 + random_() % 9));
    return add(std::move(record));
}

/// Another record with the identity of one that was sent, and other content. Neither is sent again:
/// the one that comes second waits in suspense, and stays there whatever becomes of the first.
std::size_t world::new_conflict(std::size_t first) {
    records_[first].may_repeat = false;
    sent_record record = records_[first];
    record.is_acknowledged = false;
    auto const digits = record.is_event ? record.body.rfind("quantity\":") + 10
                                        : record.body.rfind("billsec\":") + 9;
    record.body.insert(digits, "1"); // 12 becomes 112
    met("conflict of contents");
    return add(std::move(record));
}

/// A record that a sender repeats, because it did not hear that it was taken.
std::optional<std::size_t> world::repeatable(unsigned source, bool is_event) {
    if (records_.empty()) {
        return std::nullopt;
    }
    auto const index = random_() % records_.size();
    auto const& record = records_[index];
    bool const fits = record.may_repeat && record.source == source && record.is_event == is_event;
    return fits ? std::optional{index} : std::nullopt;
}

world::duration world::send() {
    auto const until_next = std::chrono::milliseconds{random_() % 40};
    if (records_.size() >= records_max) {
        return std::chrono::seconds{10};
    }
    auto const source = static_cast<unsigned>(random_() % 2);
    bool const are_events = chance(250);
    std::vector<std::size_t> chosen;
    auto const count = 1 + random_() % 4;
    for (std::uint64_t i = 0; i < count; ++i) {
        auto const old = chance(300) ? repeatable(source, are_events) : std::nullopt;
        if (old && !records_[*old].is_refused && chance(150)) {
            chosen.push_back(new_conflict(*old));
        } else if (old) {
            chosen.push_back(*old);
        } else {
            chosen.push_back(are_events ? new_event(source) : new_call(source));
        }
    }
    if (chance(100) && records_[chosen[0]].may_repeat) {
        chosen.push_back(chosen[0]);
        met("duplicate inside a chunk");
    }
    deliver(chosen, source, are_events);
    return until_next;
}

void world::deliver(std::vector<std::size_t> const& records, unsigned source, bool are_events) {
    auto& pushes = *daemon_->pushes;
    std::string body;
    for (auto const record : records) {
        body.append(records_[record].body).append("\n");
    }
    if (pushes.admit(body.size()) != ingest::push_status::pushed) {
        met("journal refused a push");
        return;
    }
    auto const bytes = body.size();
    auto block = decoded(std::move(body), source, are_events);
    block->admitted_bytes = bytes;
    if (block->batch.cdrs.size() + block->batch.events.size() != records.size()) {
        throw broken_rule{"the simulation's own records are not readable"};
    }
    if (chance(200)) {
        auto const wait = std::make_shared<ingest::commit_wait>();
        block->waits = wait;
        daemon_->waiting.push_back(wait);
    }
    block->on_done = [this, records](ingest::block_outcome const& outcome) {
        for (auto const record : records) {
            spdlog::info("sim record={} acknowledged={}", record, outcome.durable);
            records_[record].is_acknowledged = records_[record].is_acknowledged || outcome.durable;
        }
    };
    auto const pending = daemon_->writer.pending_bytes();
    if (pushes.push(block) != ingest::push_status::pushed) {
        pushes.release(block->admitted_bytes);
        return;
    }
    daemon_->pending.add(bytes, daemon_->writer.pending_bytes() - pending);
}

} // namespace tally::simulation
