#pragma once

#include "ingest/base/uuid.hpp"
#include "rating/catalog/catalog.hpp"
#include "rating/money/money.hpp"
#include "rating/tariff/tariff.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace tally::bench {

struct sample_catalog_size {
    std::uint32_t subscriptions = 20'000;
    std::uint32_t prefixes = 4'000; ///< of each plan
    std::uint64_t seed = 1;
};

struct sample_plan {
    ingest::uuid id;
    std::string code;
    std::string name;
    std::string monthly_price;
    std::int64_t included_minutes = 0;
    std::vector<rating::rate> rates; ///< destinations, and one rate for every inbound call
};

/// One customer with one account, one subscription and one DID, all with the same index.
struct sample_subscriber {
    ingest::uuid user_id;
    ingest::uuid customer_id;
    ingest::uuid account_id;
    ingest::uuid subscription_id;
    std::uint32_t plan = 0;
};

/// The customers and tariffs of the sample calls: three plans with the same destinations at
/// different prices, and a given number of subscribers. For one size the catalog is the same on
/// every machine.
struct sample_catalog {
    std::vector<sample_plan> plans;
    std::vector<sample_subscriber> subscribers;
    std::vector<std::string> prefixes; ///< digits; of the outbound rates of each plan

    static constexpr auto time_zone = "Asia/Kolkata";
    static constexpr auto currency = "INR";
    static constexpr rating::rounding rounds{rating::rounding_mode::half_up, 4};
    /// The initial balance of every account, from which the amount charged can be computed.
    static constexpr auto first_balance = "1000";
    /// 2025-01-01T00:00:00Z: all subscriptions are active from this moment on.
    static constexpr ingest::time_us active_from = 1'735'689'600LL * ingest::us_per_s;
};

sample_catalog make_sample_catalog(sample_catalog_size const& size);

std::string account_number(std::uint32_t subscriber);      ///< "BENCH-0000001"
std::string subscription_number(std::uint32_t subscriber); ///< "BSUB-0000001"
std::string did_digits(std::uint32_t subscriber);          ///< "918000000001"

/// The catalog as guiding and rating use it, without a database.
std::shared_ptr<rating::catalog const> rating_catalog(sample_catalog const& sample);

} // namespace tally::bench
