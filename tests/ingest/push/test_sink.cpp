#include "tests/ingest/push/test_sink.hpp"

#include <algorithm>

namespace tally::tests {

namespace {

using ingest::record_batch;
using ingest::record_error;
using ingest::record_kind;

void take_line(record_batch& batch, std::string_view line, std::uint32_t index, record_kind kind,
               ingest::time_us received) noexcept {
    if (line == "skip") {
        ++batch.skipped;
    } else if (line.starts_with("bad")) {
        batch.rejected.push_back({.index = index,
                                  .error = record_error::missing_field,
                                  .field = "start_time",
                                  .detail = line.substr(std::min<std::size_t>(4, line.size())),
                                  .raw = line});
    } else if (line.starts_with("later")) {
        batch.rejected.push_back({.index = index,
                                  .error = record_error::unknown_type,
                                  .field = "type",
                                  .detail = {},
                                  .raw = line,
                                  .suspended = true});
    } else if (kind == record_kind::event) {
        ingest::event event;
        event.raw = line;
        event.occurred = received;
        batch.events.push_back(event);
        batch.event_index.push_back(index);
    } else {
        ingest::cdr call;
        call.raw = line;
        batch.cdrs.push_back(call);
        batch.cdr_index.push_back(index);
    }
}

template <record_kind Kind>
void decode_lines(ingest::decode_context const& context, record_batch& batch) noexcept {
    std::string_view rest = batch.body;
    if (rest.starts_with('!')) {
        batch.body_error = record_error::not_json;
        batch.body_detail = "it begins with '!'";
        return;
    }
    for (std::uint32_t index = 0; !rest.empty(); ++index) {
        std::string_view const line = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(std::min(rest.size(), line.size() + 1));
        take_line(batch, line, index, Kind, context.received);
    }
}

constexpr ingest::format formats[] = {
    {.name = "canonical",
     .description = "lines",
     .decode = decode_lines<record_kind::cdr>,
     .cut = ingest::framing::line,
     .sender = ingest::sender_kind::application,
     .kind = record_kind::cdr,
     .paths = {"/v1/cdrs", "/v1/cdrs/canonical"},
     .by_file = true},
    {.name = "switch",
     .description = "lines",
     .decode = decode_lines<record_kind::cdr>,
     .cut = ingest::framing::whole,
     .sender = ingest::sender_kind::telephony_switch,
     .kind = record_kind::cdr,
     .paths = {"/v1/cdrs/switch"},
     .by_file = true},
    {.name = "cloudevents",
     .description = "lines",
     .decode = decode_lines<record_kind::event>,
     .cut = ingest::framing::line,
     .sender = ingest::sender_kind::application,
     .kind = record_kind::event,
     .paths = {"/v1/events"},
     .by_file = true},
    {.name = "files",
     .description = "lines",
     .decode = decode_lines<record_kind::cdr>,
     .cut = ingest::framing::whole,
     .sender = ingest::sender_kind::telephony_switch,
     .kind = record_kind::cdr,
     .paths = {},
     .by_file = true},
};

} // namespace

std::span<ingest::format const> push_test_formats() noexcept {
    return formats;
}

ingest::source source_with_token(std::string name, std::string_view token) {
    ingest::source made;
    made.name = std::move(name);
    made.has_token = true;
    made.token_sha256 = ingest::token_digest(token);
    return made;
}

push_test_sink::push_test_sink(std::vector<ingest::source> sources)
    : sources_(std::make_shared<ingest::source_table>(std::move(sources))) {}

push_test_sink::~push_test_sink() = default;

ingest::push_status push_test_sink::admit(std::size_t bytes) noexcept {
    std::lock_guard const lock{mutex_};
    if (is_closed)
        return ingest::push_status::closed;
    if (bytes > bytes_max - bytes_held_)
        return ingest::push_status::full;
    bytes_held_ += bytes;
    bytes_held_max_ = std::max(bytes_held_max_, bytes_held_);
    return ingest::push_status::pushed;
}

void push_test_sink::release(std::size_t bytes) noexcept {
    std::lock_guard const lock{mutex_};
    bytes_held_ -= bytes;
}

ingest::push_status push_test_sink::push(std::unique_ptr<ingest::record_block>& block) {
    if (is_closed || closes_on_push)
        return ingest::push_status::closed;
    std::unique_lock lock{mutex_};
    taken_block seen{block->sender->name,
                     std::string{block->in_format->name},
                     block->batch.cdrs.size() + block->batch.events.size(),
                     {},
                     block->suspend_rejected};
    for (ingest::rejected_record const& bad : block->batch.rejected)
        seen.rejected_raw.emplace_back(bad.raw);
    taken_.push_back(std::move(seen));
    under_way_.push_back(std::move(block));
    lock.unlock();
    if (options == finishing::at_once)
        finish_all();
    return ingest::push_status::pushed;
}

std::shared_ptr<ingest::source_table const> push_test_sink::sources() const {
    return has_sources ? sources_ : nullptr;
}

ingest::block_outcome push_test_sink::outcome_of(ingest::record_block const& block, bool durable,
                                                 std::uint32_t duplicates) {
    auto const good =
        static_cast<std::uint32_t>(block.batch.cdrs.size() + block.batch.events.size());
    auto const waits = [&](ingest::rejected_record const& bad) {
        return block.suspend_rejected || bad.suspended;
    };
    return {.durable = durable,
            .committed = good - duplicates,
            .duplicate = duplicates,
            .suspended =
                static_cast<std::uint32_t>(std::ranges::count_if(block.batch.rejected, waits))};
}

void push_test_sink::finish_all(bool durable, std::uint32_t duplicates) {
    std::vector<std::unique_ptr<ingest::record_block>> blocks;
    {
        std::lock_guard const lock{mutex_};
        blocks.swap(under_way_);
    }
    for (auto const& block : blocks) {
        release(block->admitted_bytes);
        block->on_done(outcome_of(*block, durable, duplicates));
    }
}

ingest::record_block const& push_test_sink::last() const {
    std::lock_guard const lock{mutex_};
    return *under_way_.back();
}

std::size_t push_test_sink::under_way() const {
    std::lock_guard const lock{mutex_};
    return under_way_.size();
}

std::size_t push_test_sink::bytes_held() const {
    std::lock_guard const lock{mutex_};
    return bytes_held_;
}

std::size_t push_test_sink::bytes_held_max() const {
    std::lock_guard const lock{mutex_};
    return bytes_held_max_;
}

std::vector<taken_block> push_test_sink::taken() const {
    std::lock_guard const lock{mutex_};
    return taken_;
}

} // namespace tally::tests
