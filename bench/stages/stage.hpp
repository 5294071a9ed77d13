#pragma once

#include "bench/stages/priced_plan.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace tally::bench {

/// One stage between a body's bytes and COPY's, with its input in memory. bench_stages measures the
/// time of a pass, bench_guard its instructions. One thread.
class stage {
  public:
    stage() = default;
    stage(stage const&) = delete;
    stage& operator=(stage const&) = delete;
    virtual ~stage() = default;

    /// Does the work once, which fills the memory that later passes use again, and compares the
    /// result with the sample calls. Returns the fault; empty when all is right.
    [[nodiscard]] virtual std::string complaint() = 0;
    /// Restores what a pass changes; call it before each pass. It is not measured.
    virtual void rewind() {}
    /// The work for all records, once.
    virtual void pass() = 0;
    [[nodiscard]] virtual std::size_t records() const noexcept = 0;
    /// Read by decoders, written by the encoder in a pass; 0: no bytes.
    [[nodiscard]] virtual std::size_t bytes() const noexcept { return 0; }
};

/// "canonical" (NDJSON) and "asterisk" (CSV) in pieces of a file, "freeswitch" with a body per
/// call.
std::unique_ptr<stage> make_decode_stage(std::string_view format);
/// From a record to the subscription that pays for it.
std::unique_ptr<stage> make_guide_stage();
/// From a guided record to its cost, by the sample catalog's plans with that many prefixes each.
std::unique_ptr<stage> make_rate_stage(std::uint32_t prefixes);
/// The same for answered outbound calls, all by one plan with these features.
std::unique_ptr<stage> make_rate_kind_stage(plan_kind kind, std::uint32_t prefixes);
/// From rated records to the bytes of COPY: sorting by key and encoding, as a batch is written.
std::unique_ptr<stage> make_encode_stage();

/// Makes the compiler believe that a result is read.
template <typename T>
void keep(T const& result) noexcept {
    asm volatile("" : : "m"(result) : "memory");
}

} // namespace tally::bench
