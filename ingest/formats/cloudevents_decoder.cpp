#include "ingest/formats/cloudevents_decoder.hpp"

#include "ingest/decode/json_body.hpp"
#include "ingest/formats/event_data.hpp"
#include "ingest/formats/event_envelope.hpp"
#include "ingest/formats/event_kinds.hpp"

#include <charconv>
#include <exception>

namespace tally::ingest {
namespace {

class cloudevents_decoder final : public json_body_decoder {
  public:
    cloudevents_decoder(decode_context const& context, record_batch& batch) noexcept
        : json_body_decoder(context.sender, batch), received_(context.received) {}

  private:
    simdjson::error_code read(simdjson::ondemand::object& object) override {
        return read_envelope(object, envelope_);
    }
    record_fault finish(std::string_view raw) override;
    void unreadable_body(record_fault const& fault, std::string_view) override {
        out_.reject_body(fault.error, fault.detail);
    }

    static std::uint64_t content_of(event const& event, event_data_reader& data);

    time_us received_;
    event_envelope envelope_;
};

record_fault cloudevents_decoder::finish(std::string_view raw) {
    event found;
    found.raw = raw;
    text_arena& arena = out_.batch().text;
    if (auto const fault = read_attributes(envelope_, received_, arena, found)) {
        return fault;
    }

    // A later version may know the type, so the event is not lost.
    event_type const* const type = find_event_type(found.type);
    if (type == nullptr) {
        out_.suspend({record_error::unknown_type, "type", explain(record_error::unknown_type)},
                     raw);
        return {};
    }
    if (auto const fault = read_data(envelope_, arena, found.data)) {
        return fault;
    }

    // The data's reader remembers which members were read; the others become the properties.
    found.kind = type->kind;
    auto& data = event_data_reader::of_this_thread();
    if (!data.open(found.data, arena) || !type->read(data, found)) {
        return data.fault();
    }

    // A computed fingerprint is in a buffer of the thread, so it is copied.
    if (auto* const error = std::get_if<app_error_data>(&found.event_data)) {
        error->fingerprint = arena.keep(error->fingerprint);
    }
    found.properties = data.properties();
    found.content = content_of(found, data);
    out_.accept(found);
    return {};
}

/// A hash of type, subject, time if one was sent, and the members of data in the order of their
/// names: equal for every representation of the same event.
std::uint64_t cloudevents_decoder::content_of(event const& event, event_data_reader& data) {
    thread_local std::string text;
    text.assign(event.type).append(1, '\0').append(event.subject).append(1, '\0');
    // A time that the daemon itself assumed differs between two receipts of one event.
    if (!event.time_assumed) {
        std::array<char, 24> digits;
        auto const end = std::to_chars(digits.begin(), digits.end(), event.occurred).ptr;
        text.append(digits.begin(), end);
    }

    // 64 bits are enough: they only tell events apart that already share their id.
    data.append_content(text);
    uuid const hash = uuid_v5(event_name_space, text);
    std::uint64_t content = 0;
    std::memcpy(&content, hash.bytes.data() + 8, sizeof content);
    return content;
}

} // namespace

void decode_cloudevents(decode_context const& context, record_batch& batch) noexcept {
    try {
        cloudevents_decoder(context, batch).run(batch.body);
        // No memory, or more rejected records than an input can have: decoders do not throw.
    } catch (std::exception const&) {
        record_collector(batch).reject_body(record_error::record_too_large, no_memory_detail);
    }
}

} // namespace tally::ingest
