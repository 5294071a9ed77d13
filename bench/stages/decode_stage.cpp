#include "bench/stages/stage.hpp"
#include "bench/stages/stage_data.hpp"
#include "bench/support/call_text.hpp"
#include "ingest/formats/formats.hpp"

#include <stdexcept>

namespace tally::bench {
namespace {

using append_fn = void (*)(sample_call const&, std::string&);

/// A format as its sender sends it.
struct decode_case {
    std::string_view format;
    std::string_view content_type;
    append_fn append;
    std::size_t body_bytes; ///< about; 0: one record a body
    std::size_t records;
    bool keeps_id; ///< the format carries the call's uuid
};

/// The size of the pieces into which tallyd import cuts files.
constexpr std::size_t piece_bytes = 1024 * 1024;

constexpr decode_case decode_cases[] = {
    {"canonical", "application/x-ndjson", append_canonical, piece_bytes, 50'000, true},
    {"freeswitch", "application/json", append_freeswitch, 0, 5'000, true},
    {"asterisk", "", append_asterisk, piece_bytes, 50'000, false},
};

std::vector<ingest::record_batch> make_bodies(decode_case const& sent,
                                              std::vector<sample_call> const& calls) {
    std::vector<ingest::record_batch> batches;
    std::string body;
    for (std::size_t i = 0; i < sent.records; ++i) {
        sent.append(calls[i], body);
        if (body.size() >= sent.body_bytes || i + 1 == sent.records) {
            batches.emplace_back().set_body(std::move(body));
            body = {};
        }
    }
    return batches;
}

class decode_stage : public stage {
  public:
    explicit decode_stage(decode_case const& sent)
        : sent_{sent}, format_{*ingest::find_format(sent.format)},
          calls_{data_with_prefixes(usual_prefixes).calls}, batches_{make_bodies(sent, calls_)} {
        for (auto const& batch : batches_) {
            bytes_ += batch.body.size();
        }
    }

    std::string complaint() override {
        pass();
        std::size_t index = 0;
        for (auto const& batch : batches_) {
            for (auto const& record : batch.cdrs) {
                if (!is_right(record, calls_[index++])) {
                    return "call " + std::to_string(index - 1) + " was decoded wrongly";
                }
            }
        }
        return index == sent_.records ? "" : std::to_string(index) + " calls were decoded";
    }

    void pass() override {
        for (auto& batch : batches_) {
            forget_records(batch);
            decode(format_, sent_.content_type, batch);
            keep(*batch.cdrs.data());
        }
    }

    [[nodiscard]] std::size_t records() const noexcept override { return sent_.records; }
    [[nodiscard]] std::size_t bytes() const noexcept override { return bytes_; }

  private:
    /// Not every format has milliseconds, a plus sign, or the direction.
    [[nodiscard]] bool is_right(ingest::cdr const& record, sample_call const& call) const {
        auto const number = std::string_view{call.destination}.substr(1);
        return ingest::whole_second(record.start) == ingest::whole_second(call.start) &&
               record.destination.ends_with(number) &&
               record.billsec_ms / 1000 == call.billsec_s() &&
               (!sent_.keeps_id || record.id == call.id);
    }

    decode_case const& sent_;
    ingest::format const& format_;
    std::vector<sample_call> const& calls_;
    std::vector<ingest::record_batch> batches_;
    std::size_t bytes_ = 0;
};

} // namespace

std::unique_ptr<stage> make_decode_stage(std::string_view format) {
    for (auto const& sent : decode_cases) {
        if (sent.format == format) {
            return std::make_unique<decode_stage>(sent);
        }
    }
    throw std::invalid_argument{"no stage decodes " + std::string{format}};
}

} // namespace tally::bench
