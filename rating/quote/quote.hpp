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

/// The cost of a call and all that explains it. Points into the tariff that quoted it.
struct call_quote {
    rated_call rated;
    std::vector<charged_piece> pieces;
    billing_period period;
    allowance before; ///< of the period, before this call
    bool on_net = false;
};

/// The cost of a usage event and all that explains it. Points into the tariff that quoted it.
struct usage_quote {
    question_fault fault; ///< error none: rated
    metric_price const* price = nullptr;
    metric_usage before; ///< of the period, before this event
    rated_usage rated;
    amount period_cost; ///< of the period, with this event
    billing_period period;
};

/// Options of a quoter.
struct quote_terms {
    /// True: the questions are one subscription's records in their order of arrival, and the
    /// allowance and the quantities of a billing period carry over from one to the next. False:
    /// each question has a period of its own.
    bool carry = false;
    /// Local day on which the subscription began; billing periods are counted from it.
    civil_day anchor = 0; // 1970-01-01: the first of the month
    /// The catalog with our DIDs, for calls that do not say whether they are on-net. nullptr: no
    /// number is ours.
    std::shared_ptr<catalog const> ours;
};

/// Computes what calls and events cost by one plan. With `carry` it keeps a few numbers for each
/// billing period of its questions, and every distinct value that a metric counts. One thread.
class quoter {
  public:
    /// Throws std::invalid_argument when the plan's time zone is unknown.
    explicit quoter(std::shared_ptr<tariff const> plan, quote_terms terms = {});

    call_quote quote(call_question const& asked);
    usage_quote quote(usage_question const& asked);
    [[nodiscard]] tariff const& plan() const noexcept { return *plan_; }

  private:
    struct metric_state {
        metric_usage used;
        std::set<std::string, std::less<>> values; ///< aggregation::unique: values seen so far
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
