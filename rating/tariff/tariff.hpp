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

/// One step of a rate: from `from_s` seconds of the call on, `price` per `unit_s` seconds, charged
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
    bool allowance = false;    ///< draws the plan's included minutes first
    std::uint32_t grace_s = 0; ///< an answered call not longer than this is free
    amount connect_fee;
    amount minimum;
    amount maximum{INT64_MAX}; ///< INT64_MAX: none
    ingest::time_us effective_from = INT64_MIN;
    ingest::time_us effective_to = INT64_MAX; ///< exclusive
    std::vector<rate_step> steps;             ///< by from_s; the first begins at 0; never empty
    band_place band = any_band;               ///< in the tariff's bands
    bool is_on_net = false; ///< for destinations that are our own active DIDs, and only those

    friend bool operator==(rate const&, rate const&) = default;
};

/// What charging needs of a rate, apart from what only explains it: one cache line where `rate`
/// spans four, since the rates of a large deck are never in the cache.
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
    bool is_last_of_prefix = false; ///< the next one is of another group
    bool is_banded = false;         ///< a rate of the group, not always this one, has a band
    band_place band = any_band;
};

/// A rate of a tariff, where its group begins, and how long it is sure to hold.
struct rate_place {
    static constexpr std::uint32_t none = UINT32_MAX;

    std::uint32_t at = none;           ///< in rates()
    std::uint32_t first = none;        ///< of its group, likewise
    ingest::time_us until = INT64_MAX; ///< up to here no band begins or ends; exclusive

    explicit operator bool() const noexcept { return at != none; }
};

/// One plan's tariff as it is rated against: immutable, shared by all lanes.
///
/// Rates of one prefix, direction and reach (on-net or not) are a group, and stand side by side:
/// the heaviest band first and those without a band last, within a band the newest first. So the
/// first of a group that is in effect and whose band covers the moment is the one that holds.
///
///     44 holiday 2026 | 44 holiday 2025 | 44 peak 2026 | 44 any 2026 | 447 peak 2026 | ...
///     ^ index_: "44"                                   is_last_of_prefix ^
class tariff {
  public:
    /// Fallback plans that are asked one after the other: a's, that one's, and that one's.
    static constexpr int fallbacks_max = 3;

    struct header {
        ingest::uuid plan_id;
        std::string code;
        std::array<char, 3> currency{'I', 'N', 'R'};
        std::string time_zone = "UTC"; ///< IANA name: billing periods and days
        rounding how;
        std::int64_t included_s = 0; ///< the allowance of a billing period, in seconds
        bool split_at_bands = true;  ///< else the band a call began in charges all of it
    };

    struct content {
        header head;
        std::vector<rate> rates;
        std::vector<band> bands;
        std::vector<metric_price> metrics;
        std::shared_ptr<tariff const> fallback; ///< asked for a rate when this has none
    };

    /// Builds the prefix indexes. Throws std::invalid_argument, naming the rate, when a rate has no
    /// steps, steps out of order, a zero unit or increment, units without a common multiple below
    /// 2^62 (their sum could not be kept exactly), a prefix that is not digits, or a band that is
    /// not there; likewise for a band outside the day, bands in a zone that nobody knows, and a
    /// fallback of another currency; and what check_metric throws.
    explicit tariff(content of);
    /// Throws what the constructor would.
    static void check(content const& of);
    tariff(header head, std::vector<rate> rates);

    /// Longest prefix of `digits` that has a rate of `direction` in effect at `when`; of these the
    /// one of the heaviest band that covers `when`, the one without a band last; of its versions
    /// the one that began last. nullptr when there is none: also when none of the longest prefix'
    /// bands covers `when`. On-net rates and others do not know of each other. No allocation.
    [[nodiscard]] rate const* find(std::string_view digits, ingest::call_direction direction,
                                   ingest::time_us when, bool on_net = false) const noexcept;

    /// As find(), but the rate's place: touches none of the rates. `when` from -2^62 to 2^62.
    [[nodiscard]] rate_place find_place(std::string_view digits, ingest::call_direction direction,
                                        ingest::time_us when, bool on_net) const noexcept;
    /// Of the group that begins at `first` the rate that holds at `moment`, in the versions that
    /// were in effect at `when`.
    [[nodiscard]] rate_place holding(std::uint32_t first, ingest::time_us when,
                                     ingest::time_us moment) const noexcept;
    [[nodiscard]] rate_terms const& terms_at(std::uint32_t place) const noexcept {
        return terms_[place];
    }
    [[nodiscard]] std::span<rate_step const> steps_of(rate_terms const& terms) const noexcept {
        return {steps_.data() + terms.first_step, terms.steps};
    }

    /// The price of a metric in effect at `when`: of several the one that began last; the fallback
    /// plans' when this plan has none. nullptr when there is none. No allocation.
    [[nodiscard]] metric_price const* find_metric(std::string_view name,
                                                  ingest::time_us when) const noexcept;

    [[nodiscard]] header const& head() const noexcept { return head_; }
    [[nodiscard]] std::span<rate const> rates() const noexcept { return rates_; }
    [[nodiscard]] std::span<band const> bands() const noexcept { return bands_; }
    [[nodiscard]] std::span<metric_price const> metrics() const noexcept { return metrics_; }
    /// nullptr: none.
    [[nodiscard]] tariff const* fallback() const noexcept { return fallback_.get(); }
    /// Whether it makes a difference that a destination is one of ours: this plan, or one of those
    /// behind it, has on-net rates.
    [[nodiscard]] bool asks_on_net() const noexcept { return asks_on_net_; }

  private:
    [[nodiscard]] rate_place in_effect(std::uint32_t first, ingest::time_us when) const noexcept;
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
    std::vector<rate_terms> terms_;     ///< of the rates at the same places
    std::vector<rate_step> steps_;      ///< of all rates; lists alike stand there once
    std::array<prefix_index, 4> index_; ///< by index_of(): prefix -> first of its group
};

} // namespace tally::rating
