#pragma once

#include "bench/stages/stage_data.hpp"

#include <memory>
#include <vector>

namespace tally::bench {

/// The features of a plan that make a call more work to rate.
enum class plan_kind : std::uint8_t {
    flat,      ///< a price by the second
    stepped,   ///< 60/6 and a third step
    banded,    ///< two rates a prefix: in the daytime on weekdays, and always
    allowance, ///< stepped, with included minutes
    all, ///< banded and stepped, holidays, nights, allowance, fees, bounds, grace, on-net, fallback
};

/// A plan and answered calls to rate by it.
struct priced_plan {
    struct call_of_plan {
        ingest::cdr call;             ///< its text is the stage data's
        std::uint32_t subscriber = 0; ///< whose allowance it draws
        bool on_net = false;
    };
    std::shared_ptr<rating::tariff const> plan;
    std::vector<call_of_plan> calls;
    std::uint32_t subscribers = 0;
};

rating::tariff::content content_of(plan_kind kind, std::uint32_t prefixes);
priced_plan make_priced_plan(plan_kind kind, std::uint32_t prefixes);

} // namespace tally::bench
