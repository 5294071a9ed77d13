#include "tests/fuzz/decoder_fuzz.hpp"

#include "ingest/decode/record_framer.hpp"
#include "ingest/formats/formats.hpp"
#include "ingest/json/utf8_text.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace tally::fuzz {
namespace {

using namespace ingest;

void require(bool holds, char const* text) {
    if (!holds) {
        std::fprintf(stderr, "does not hold: %s\n", text);
        std::abort();
    }
}

/// Unusual settings, so that their code is reached: a zone with clock changes, small records.
source fuzzed_source(std::size_t size) {
    source sender;
    sender.time_zone = size % 2 == 0 ? "Europe/Berlin" : "UTC";
    sender.b_legs = size % 3 == 0 ? b_leg_policy::skip : b_leg_policy::accept;
    sender.record_bytes_max = 64 * 1024;
    return sender;
}

bool is_clean(std::string_view text) {
    return is_valid_utf8(text) && text.find('\0') == text.npos;
}

void check_call(cdr const& call) {
    require(is_clean(call.account_number) && is_clean(call.subscription_number), "valid account");
    require(is_clean(call.caller_id) && is_clean(call.destination), "valid parties");
    require(is_clean(call.hangup_cause) && is_clean(call.metadata), "valid text");
    require(call.metadata.empty() || call.metadata.starts_with('{'), "metadata is an object");
    require(call.start <= call.end, "an end after the start");
    require(call.duration_ms >= 0 && call.billsec_ms >= 0 && call.billable_ms >= 0,
            "durations are not negative");
    require(!call.id.is_nil() && !call.raw.empty(), "a key and bytes to keep");
}

void check_event(event const& event) {
    for (auto const text : {event.source, event.event_id, event.type, event.subject, event.data,
                            event.properties, event.account_number, event.subscription_number}) {
        require(is_clean(text), "valid text");
    }
    require(event.data.starts_with('{'), "data is an object");
    require(!event.id.is_nil() && !event.raw.empty(), "an identity and bytes to keep");
}

void check_batch(record_batch const& batch) {
    require(batch.cdrs.size() == batch.cdr_index.size(), "an index per call");
    require(batch.events.size() == batch.event_index.size(), "an index per event");
    std::vector<std::uint32_t> indices(batch.cdr_index.begin(), batch.cdr_index.end());
    indices.insert(indices.end(), batch.event_index.begin(), batch.event_index.end());
    for (auto const& each : batch.rejected) {
        require(each.error != record_error::none && !each.detail.empty(), "a reason");
        indices.push_back(each.index);
    }
    std::ranges::sort(indices);
    require(std::ranges::adjacent_find(indices) == indices.end(), "an index per record");
    require(indices.empty() || indices.back() < batch.received(), "indices are counted");
    require(batch.body_error == record_error::none || batch.received() == 0,
            "a body with an error of its own has no records");
    std::ranges::for_each(batch.cdrs, check_call);
    std::ranges::for_each(batch.events, check_event);
}

void decode(format const& compressed, std::string_view input, source const& source,
            record_batch& batch) {
    batch.set_body(std::string(input));
    compressed.decode({source, {}, "x=1?uuid=3f2a1b0c-7d6e-4a5b-9c8d-112233445566"}, batch);
    check_batch(batch);
}

/// Whether the pieces of a stream have the same meaning as the whole. A value over several lines
/// and an array do not: they are one body in a push, but lines in a stream.
bool is_cut_alike(format const& compressed, std::string_view input) {
    if (compressed.cut != framing::line) {
        return compressed.cut == framing::csv_row;
    }
    while (!input.empty()) {
        std::string_view const line = input.substr(0, input.find('\n'));
        if (!line.starts_with('{') || !line.ends_with('}')) {
            return false;
        }
        input.remove_prefix(std::min(line.size() + 1, input.size()));
    }
    return true;
}

} // namespace

void check_decoder(std::string_view format_name, std::string_view input) {
    format const& compressed = *find_format(format_name);
    source const source = fuzzed_source(input.size());
    record_batch whole;
    decode(compressed, input, source, whole);
    if (!is_cut_alike(compressed, input)) {
        return;
    }
    std::size_t const cut = input.empty() ? 0 : (input.size() * 7 + 3) % input.size();
    std::size_t const first = whole_records(compressed.cut, input.substr(0, cut), false);
    require(first <= cut, "whole records are inside");
    record_batch head;
    record_batch tail;
    decode(compressed, input.substr(0, first), source, head);
    decode(compressed, input.substr(first), source, tail);
    std::vector<cdr> pieces = head.cdrs;
    pieces.insert(pieces.end(), tail.cdrs.begin(), tail.cdrs.end());
    require(pieces == whole.cdrs, "the same calls wherever the stream is cut");
    std::vector<event> events = head.events;
    events.insert(events.end(), tail.events.begin(), tail.events.end());
    require(events == whole.events, "the same events wherever the stream is cut");
}

} // namespace tally::fuzz
