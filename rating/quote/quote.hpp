#pragma once

#include "rating/catalog/catalog.hpp"
#include "rating/clock/calendar.hpp"
#include "rating/quote/rate_question.hpp"
#include "rating/rater/metric_rater.hpp"
#include "rating/rater/rater.hpp"
#include "rating/tariff/tariff.hpp"

#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace tally::rating {

/// What a call costs, and all that explains it. Points into the tariff it was quoted by.
struct call_quote {
    rated_call rated;
    std::vector<charged_piece> pieces;
    billing_period period;
    allowance before; ///< of the period, without this call
    bool on_net = false;
};

/// What a usage event costs, and all that explains it. Points into the tariff it was quoted by.
struct usage_quote {
    question_fault fault; ///< error none: rated
    metric_price const* by = nullptr;
    metric_usage before; ///< of the period, without this event
    rated_usage rated;
    amount period_cost; ///< of the period, with this event
    billing_period period;
};

/// How a quoter goes from one question to the next.
struct quote_terms {
    /// Questions are one subscription's records in their order of arrival: allowances and
    /// quantities go on, per billing period. Without it each has a period of its own.
    bool carry = false;
    /// Local day on which the subscription began; billing periods count from it.
    civil_day anchor = 0; // 1970-01-01: the first of the month
    /// Whose DIDs are ours, for calls that do not say whether they are on-net; nullptr: none are.
    std::shared_ptr<catalog const> ours;
};

/// Answers what calls and events cost by one plan. With `carry` it keeps a few numbers for each
/// billing period that it was asked about, and every value that a metric counts once. One thread.
class quoter {
  public:
    /// Throws std::invalid_argument when nobody knows the plan's time zone.
    explicit quoter(std::shared_ptr<tariff const> plan, quote_terms terms = {});

    call_quote quote(call_question const& asked);
    usage_quote quote(usage_question const& asked);
    [[nodiscard]] tariff const& plan() const noexcept { return *plan_; }

  private:
    struct metric_state {
        metric_usage used;
        std::set<std::string, std::less<>> values; ///< aggregation::unique: those that were met
    };
    using metric_key = std::pair<ingest::time_us, std::string>;

    [[nodiscard]] billing_period period_of(ingest::time_us t);
    void rate(usage_question const& asked, metric_state& state, usage_quote& quoted) const;

    std::shared_ptr<tariff const> plan_;
    quote_terms terms_;
    calendar calendar_;
    ingest::time_us anchor_;
    std::map<ingest::time_us, std::int64_t> allowance_used_s_; ///< by begin of the period
    std::map<metric_key, metric_state> metrics_;
};

} // namespace tally::rating
