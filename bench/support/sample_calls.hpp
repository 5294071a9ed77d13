#pragma once

#include "bench/support/popularity.hpp"
#include "bench/support/repeatable_random.hpp"
#include "bench/support/sample_catalog.hpp"
#include "ingest/record/cdr.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tally::bench {

/// The part of a call's record that names the payer.
enum class named_by : std::uint8_t { account, subscription, did };

/// A call as it happened, before it is written in a format.
struct sample_call {
    ingest::uuid id;
    std::uint32_t subscriber = 0;
    named_by named = named_by::did;
    ingest::call_direction direction = ingest::call_direction::outbound;
    std::string caller_id;
    std::string destination;
    ingest::time_us start = 0; ///< whole milliseconds
    ingest::time_us answer = ingest::never_us;
    ingest::time_us end = 0;
    std::string_view hangup_cause;
    std::uint32_t trunk = 0; ///< 0: the record says nothing of it

    [[nodiscard]] std::int64_t duration_s() const noexcept;
    [[nodiscard]] std::int64_t billsec_s() const noexcept;
};

struct sample_calls_size {
    std::uint64_t records = 1'000'000;
    std::uint32_t days = 3;
    ingest::time_us begin = 1'767'571'200LL * ingest::us_per_s; ///< 2026-01-05T00:00:00Z
    popularity_kind kind = popularity_kind::zipf;
    std::uint64_t seed = 2;
};

/// Calls of a catalog's subscribers in order of their starts, evenly over the days: 70 % outbound,
/// 75 % answered, two thirds of the outbound ones within the country, half of them shorter than a
/// minute. For one catalog and one size the calls are the same on every machine.
class sample_calls {
  public:
    sample_calls(sample_catalog const& catalog, sample_calls_size size);

    /// False when all calls have been generated.
    bool next(sample_call& out);

  private:
    void set_numbers(sample_call& call);
    void set_times(sample_call& call);
    std::string foreign_number();

    sample_catalog const& catalog_;
    sample_calls_size size_;
    repeatable_random random_;
    popularity busy_;
    std::uint64_t made_ = 0;
    std::vector<std::uint32_t> home_prefixes_; ///< indices in catalog_.prefixes
};

std::vector<sample_call> make_sample_calls(sample_catalog const& catalog, sample_calls_size size);

} // namespace tally::bench
