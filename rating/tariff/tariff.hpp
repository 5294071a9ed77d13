#pragma once

#include "ingest/base/uuid.hpp"
#include "ingest/record/cdr.hpp"
#include "rating/clock/band.hpp"
#include "rating/clock/band_clock.hpp"
#include "rating/money/money.hpp"
#include "rating/number/prefix_index.hpp"
#include "rating/tariff/metric_price.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tally::rating {

/// One step of a rate. From second `from_s` of the call on it charges `price` per `unit_s` seconds,
/// in whole increments of `increment_s` seconds.
struct rate_step {
    std::uint32_t from_s = 0;
    std::uint32_t unit_s = 60;
    std::uint32_t increment_s = 60;
    amount price;

    friend bool operator==(rate_step const&, rate_step const&) = default;
};

/// A price for the numbers of one prefix in one direction, in effect for a while.
struct rate {
    ingest::uuid id;
    std::string prefix; ///< E.164 digits without '+'; empty matches every number
    std::string name;
    std::string call_type; ///< "local", "national", "mobile", "international", "premium"...
    ingest::call_direction direction = ingest::call_direction::outbound;
    bool allowance = false;    ///< uses the plan's included minutes first
    std::uint32_t grace_s = 0; ///< an answered call not longer than this is free
    amount connect_fee;
    amount minimum;
    amount maximum{INT64_MAX}; ///< INT64_MAX: no maximum
    ingest::time_us effective_from = INT64_MIN;
    ingest::time_us effective_to = INT64_MAX; ///< exclusive
    std::vector<rate_step> steps;             ///< by from_s; the first begins at 0; never empty
    band_index band = any_band;               ///< index into the tariff's bands
    bool is_on_net = false;                   ///< only for destinations that are our active DIDs

    friend bool operator==(rate const&, rate const&) = default;
};

/// The members of a rate that charging reads. They fill one cache line, where `rate` spans four;
/// the rates of a large deck are never in the cache, so each line costs a memory access.
struct alignas(64) rate_terms {
    ingest::time_us effective_from = 0;
    ingest::time_us effective_to = 0;
    amount connect_fee;
    amount minimum;
    amount maximum;
    std::uint32_t grace_s = 0;
    std::uint32_t first_step = 0; ///< in the tariff's list of steps
    std::uint32_t steps = 0;
    bool allowance = false;
    bool is_last_of_prefix = false; ///< the next rate belongs to another group
    bool is_banded = false;         ///< some rate of the group has a band
    band_index band = any_band;
};

/// A rate of a tariff, the begin of its group, and the time until which it certainly applies.
struct rate_index {
    static constexpr std::uint32_t none = UINT32_MAX;

    std::uint32_t index = none;        ///< index of the rate in rates()
    std::uint32_t first = none;        ///< index of the first rate of its group
    ingest::time_us until = INT64_MAX; ///< before this moment no band begins or ends

    explicit operator bool() const noexcept { return index != none; }
};

/// One plan's tariff in the form that rating uses: immutable, shared by all lanes.
///
///     rate uk;
///     uk.prefix = "44";
///     uk.steps = {{0, 60, 60, *parse_amount("0.2")}}; // from_s, unit_s, increment_s, price
///     tariff::header head;
///     head.code = "starter";
///     tariff const plan{head, {uk}}; // throws std::invalid_argument for a rate that is wrong
///
///     auto const outbound = ingest::call_direction::outbound;
///     plan.find("442071838750", outbound, answer); // the rate of prefix 44
///     plan.find("4930123456", outbound, answer);   // nullptr: the plan has no rate
///
/// Rates of one prefix, direction and reach (on-net or not) form a group. A group is contiguous in
/// rates(): the heaviest band comes first, rates without a band last, and within a band the newest
/// version first. So the rate that applies is the first one of its group that is in effect and
/// whose band covers the moment.
///
///     44 holiday 2026 | 44 holiday 2025 | 44 peak 2026 | 44 any 2026 | 447 peak 2026 | ...
///     ^ index_: "44"                                   is_last_of_prefix ^
class tariff {
  public:
    /// Maximum length of a chain of fallback plans that is searched for a rate.
    static constexpr int fallbacks_max = 3;

    struct header {
        ingest::uuid plan_id;
        std::string code;
        std::array<char, 3> currency{'I', 'N', 'R'};
        std::string time_zone = "UTC"; ///< IANA name: billing periods and days
        rounding rounding_mode;
        std::int64_t included_s = 0; ///< the allowance of a billing period, in seconds
        bool split_at_bands = true;  ///< false: the band at the answer charges the whole call
    };

    struct content {
        header head;
        std::vector<rate> rates;
        std::vector<band> bands;
        std::vector<metric_price> metrics;
        std::shared_ptr<tariff const> fallback; ///< searched when this tariff has no rate
    };

    /// Builds the prefix indexes. Throws std::invalid_argument, with the rate in its text, when a
    /// rate has no steps, steps out of order, a zero unit or increment, units without a common
    /// multiple below 2^62 (their sum would not be exact), a prefix that is not digits, or a band
    /// that does not exist. Also throws std::invalid_argument for a band outside the day, for bands
    /// in an unknown time zone, for a fallback of another currency, and as check_metric does.
    explicit tariff(content parts);
    /// Throws what the constructor would throw.
    static void check(content const& parts);
    tariff(header head, std::vector<rate> rates);

    /// Finds the rate for `digits` at `time`: first the longest prefix that has a rate of
    /// `direction` in effect, then the heaviest of its bands that covers `time` (no band comes
    /// last), then the version that began last. nullptr when there is no such rate, also when none
    /// of the longest prefix's bands covers `time`. On-net rates and other rates are searched
    /// separately. No allocation.
    [[nodiscard]] rate const* find(std::string_view digits, ingest::call_direction direction,
                                   ingest::time_us time, bool on_net = false) const noexcept;

    /// As find(), but gives the index of the rate and so reads no `rate`, only its terms. `time` is
    /// from -2^62 to 2^62.
    [[nodiscard]] rate_index find_index(std::string_view digits, ingest::call_direction direction,
                                        ingest::time_us time, bool on_net) const noexcept;
    /// The rate of the group at `first` whose band applies at `moment`, among the versions that
    /// were in effect at `time` (the answer of the call).
    [[nodiscard]] rate_index holding(std::uint32_t first, ingest::time_us time,
                                     ingest::time_us moment) const noexcept;
    [[nodiscard]] rate_terms const& terms_at(std::uint32_t slot_index) const noexcept {
        return terms_[slot_index];
    }
    [[nodiscard]] std::span<rate_step const> steps_of(rate_terms const& terms) const noexcept {
        return {steps_.data() + terms.first_step, terms.steps};
    }

    /// The price of a metric in effect at `time`; of several, the one that began last. Without one
    /// in this plan the fallback plans are searched. nullptr when there is none. No allocation.
    [[nodiscard]] metric_price const* find_metric(std::string_view name,
                                                  ingest::time_us time) const noexcept;

    [[nodiscard]] header const& head() const noexcept { return head_; }
    [[nodiscard]] std::span<rate const> rates() const noexcept { return rates_; }
    [[nodiscard]] std::span<band const> bands() const noexcept { return bands_; }
    [[nodiscard]] std::span<metric_price const> metrics() const noexcept { return metrics_; }
    /// nullptr for a plan without a fallback.
    [[nodiscard]] tariff const* fallback() const noexcept { return fallback_.get(); }
    /// Whether this plan or one of its fallbacks has on-net rates, so that the caller has to find
    /// out whether the destination is one of our DIDs.
    [[nodiscard]] bool asks_on_net() const noexcept { return asks_on_net_; }

  private:
    [[nodiscard]] rate_index in_effect(std::uint32_t first, ingest::time_us time) const noexcept;
    void build_order();
    void build_terms();
    void build_index();

    header head_;
    std::vector<band> bands_;
    std::vector<metric_price> metrics_;
    std::shared_ptr<tariff const> fallback_;
    band_clock clock_;
    bool asks_on_net_ = false;
    std::vector<rate> rates_;           ///< by group, band and effective_from, as drawn above
    std::vector<rate_terms> terms_;     ///< of the rates at the same indices
    std::vector<rate_step> steps_;      ///< of all rates; equal lists are stored once
    std::array<prefix_index, 4> index_; ///< by index_of(): prefix -> first of its group
};

} // namespace tally::rating
