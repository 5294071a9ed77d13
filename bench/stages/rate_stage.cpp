#include "bench/stages/slow_rater.hpp"
#include "bench/stages/stage.hpp"
#include "bench/stages/stage_data.hpp"
#include "rating/rater/rater.hpp"

// Rating, from a guided record to its cost, with the allowances of 20,000 subscriptions.

namespace tally::bench {
namespace {

/// Number of calls that the slow rater rates as well, which looks at every rate for each call.
/// Enough for every kind of rate of the catalog; of a plan with many prefixes, fewer.
constexpr std::size_t calls_checked = 5'000;
constexpr std::size_t calls_of_plan_checked = 400;

/// The fault of a call's cost and of the allowance that is left behind it, by the slow rater's.
std::string complain(std::size_t index, rating::rated_call const& rated, bool allowances_agree,
                     rating::amount expected) {
    if (rated.error == ingest::record_error::none && rated.cost == expected && allowances_agree) {
        return {};
    }
    return "call " + std::to_string(index) + " costs " + rating::to_string(rated.cost) + ", not " +
           rating::to_string(expected);
}

std::vector<rating::allowance> full_allowances(rating::catalog const& catalog) {
    std::vector<rating::allowance> left(catalog.subscriptions());
    for (rating::catalog_index i = 0; i < left.size(); ++i) {
        auto const plan = catalog.subscription_at(i).plan;
        left[i].included_s = catalog.plan_at(plan).head().included_s;
    }
    return left;
}

class rate_stage : public stage {
  public:
    explicit rate_stage(std::uint32_t prefixes) : data_{data_with_prefixes(prefixes)} {}

    std::string complaint() override {
        auto left = full_;
        auto slowly_left = full_;
        for (std::size_t i = 0; i < calls_checked; ++i) {
            auto const index = data_.guided[i].subscription;
            auto const& call = data_.decoded.cdrs[i];
            auto const rated = rating::rate_call(call, plan_for(index), left[index]);
            auto const expected = slow_cost(call, plan_for(index), false, slowly_left[index]);
            auto wrong = complain(i, rated, left[index] == slowly_left[index], expected);
            if (!wrong.empty()) {
                return wrong;
            }
        }
        return {};
    }

    /// Every pass begins with full allowances.
    void rewind() override { left_ = full_; }

    void pass() override {
        rating::amount_sum sum;
        for (std::size_t i = 0; i < data_.calls.size(); ++i) {
            auto const index = data_.guided[i].subscription;
            sum += rating::rate_call(data_.decoded.cdrs[i], plan_for(index), left_[index]).cost;
        }
        keep(sum);
    }

    [[nodiscard]] std::size_t records() const noexcept override { return data_.calls.size(); }

  private:
    [[nodiscard]] rating::tariff const& plan_for(rating::catalog_index subscription) const {
        return data_.catalog->plan_at(data_.catalog->subscription_at(subscription).plan);
    }

    stage_data const& data_;
    std::vector<rating::allowance> full_ = full_allowances(*data_.catalog);
    std::vector<rating::allowance> left_ = full_;
};

class rate_kind_stage : public stage {
  public:
    rate_kind_stage(plan_kind kind, std::uint32_t prefixes)
        : input_{make_priced_plan(kind, prefixes)} {}

    std::string complaint() override {
        auto left = full_;
        auto slowly_left = full_;
        auto const& calls = input_.calls;
        for (std::size_t i = 0; i < calls.size(); i += calls.size() / calls_of_plan_checked) {
            auto const& [call, subscriber, on_net] = calls[i];
            auto& own = left[subscriber];
            auto& slow = slowly_left[subscriber];
            auto const rated = rating::rate_call(call, *input_.plan, own, on_net);
            auto const expected = slow_cost(call, *input_.plan, on_net, slow);
            if (auto wrong = complain(i, rated, own == slow, expected); !wrong.empty()) {
                return wrong;
            }
        }
        return {};
    }

    /// Every pass begins with full allowances.
    void rewind() override { left_ = full_; }

    void pass() override {
        rating::amount_sum sum;
        for (auto const& [call, subscriber, on_net] : input_.calls) {
            sum += rating::rate_call(call, *input_.plan, left_[subscriber], on_net).cost;
        }
        keep(sum);
    }

    [[nodiscard]] std::size_t records() const noexcept override { return input_.calls.size(); }

  private:
    priced_plan input_;
    std::vector<rating::allowance> full_ = std::vector<rating::allowance>(
        input_.subscribers, rating::allowance{0, input_.plan->head().included_s});
    std::vector<rating::allowance> left_ = full_;
};

} // namespace

std::unique_ptr<stage> make_rate_stage(std::uint32_t prefixes) {
    return std::make_unique<rate_stage>(prefixes);
}

std::unique_ptr<stage> make_rate_kind_stage(plan_kind kind, std::uint32_t prefixes) {
    return std::make_unique<rate_kind_stage>(kind, prefixes);
}

} // namespace tally::bench
