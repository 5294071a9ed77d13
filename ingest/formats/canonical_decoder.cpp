#include "ingest/formats/canonical_decoder.hpp"

#include "ingest/decode/json_body.hpp"
#include "ingest/formats/canonical_record.hpp"

#include <exception>

namespace tally::ingest {
namespace {

class canonical_decoder final : public json_body_decoder {
  public:
    using json_body_decoder::json_body_decoder;

  private:
    simdjson::error_code read(simdjson::ondemand::object& object) override {
        // Members of the record before must not show through where this one has none.
        tokens_.fill({});
        return read_members(object, canonical_keys, tokens_);
    }
    record_fault finish(std::string_view raw) override {
        cdr call;
        call.raw = raw;
        record_fault const fault = read_canonical(tokens_, source_, out_.batch().text, call);
        if (!fault) {
            out_.accept(call);
        }
        return fault;
    }

    void unreadable_body(record_fault const& fault, std::string_view) override {
        out_.reject_body(fault.error, fault.detail);
    }

    canonical_tokens tokens_{};
};

} // namespace

void decode_canonical(decode_context const& context, record_batch& batch) noexcept {
    try {
        canonical_decoder(context.sender, batch).run(batch.body);
        // No memory, or more rejected records than an input can have: decoders do not throw.
    } catch (std::exception const&) {
        record_collector(batch).reject_body(record_error::record_too_large, no_memory_detail);
    }
}

} // namespace tally::ingest
