#include "tests/simulation/world.hpp"

#include "ingest/base/time.hpp"
#include "ingest/formats/formats.hpp"
#include "tests/simulation/customers.hpp"
#include "tests/simulation/daemon_run.hpp"

#include <spdlog/spdlog.h>

namespace tally::simulation {

std::size_t world::new_record(unsigned /*source*/) {
    auto const number = records_.size();
    auto const did =
        static_cast<unsigned>(random_() % (numbers + 1)); // the last one is not assigned
    sent_record record;
    record.is_refused = chance(30);
    record.may_repeat = did < fixed_numbers;
    auto const name = "call-" + std::to_string(number);
    record.id = ingest::uuid_v5(ingest::call_id_name_space, name);
    record.body = R"({"uuid":")" + name + R"(","direction":"outbound","caller_id":"9180000000)" +
                  std::to_string(10 + did) +
                  R"(","destination":"442071838750","start_time":"2026-05-04T10:00:00Z",)" +
                  R"("answer_time":"2026-05-04T10:00:00Z","end_time":"2026-05-04T10:01:00Z",)" +
                  R"("duration":60,"billsec":)" + std::to_string(10 + random_() % 50) +
                  R"(,"hangup_cause":")" + (record.is_refused ? "refused" : "NORMAL") + R"("})";
    records_.push_back(std::move(record));
    return number;
}

void world::send() {
    if (records_.size() >= 150) {
        return;
    }
    auto const source = static_cast<unsigned>(random_() % 2);
    std::vector<std::size_t> chosen;
    auto const count = 1 + random_() % 4;
    for (std::uint64_t i = 0; i < count; ++i) {
        // A sender repeats a record when it did not hear that the first one was taken.
        bool const repeats = !records_.empty() && chance(250);
        auto const old = repeats ? random_() % records_.size() : 0;
        if (repeats && records_[old].may_repeat) {
            chosen.push_back(old);
        } else {
            chosen.push_back(new_record(source));
        }
    }
    deliver(chosen, source);
}

void world::deliver(std::vector<std::size_t> const& records, unsigned source) {
    auto& pushes = *daemon_->pushes;
    auto block = std::make_unique<ingest::record_block>();
    std::string body;
    for (auto const record : records) {
        body.append(records_[record].body).append("\n");
    }
    if (pushes.admit(body.size()) != ingest::push_status::pushed) {
        met("journal refused a push");
        return;
    }
    block->admitted_bytes = body.size();
    block->sender = std::make_shared<ingest::source const>(sources_->all()[source]);
    block->in_format = ingest::find_format("canonical");
    block->content_type = "application/x-ndjson";
    block->received = ingest::now_us();
    block->batch.set_body(std::move(body));
    block->in_format->decode({*block->sender, block->content_type, {}, block->received},
                             block->batch);
    if (block->batch.cdrs.size() != records.size()) {
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
    if (pushes.push(block) != ingest::push_status::pushed) {
        pushes.release(block->admitted_bytes);
    }
}

} // namespace tally::simulation
