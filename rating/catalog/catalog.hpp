#pragma once

#include "ingest/base/uuid.hpp"
#include "ingest/record/cdr.hpp"
#include "rating/tariff/tariff.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tally::rating {

/// Index into one of the catalog's tables; `no_index` means no row.
using catalog_index = std::uint32_t;
inline constexpr catalog_index no_index = UINT32_MAX;

struct account {
    ingest::uuid id;
    std::array<char, 3> currency{'I', 'N', 'R'};
};

/// A contract: the plan that rates an account's calls, and its period of validity.
struct subscription {
    ingest::uuid id;
    catalog_index account = no_index;
    catalog_index plan = no_index;
    ingest::time_us active_from = INT64_MIN;
    ingest::time_us active_to = INT64_MAX; ///< exclusive
    ingest::time_us anchor = 0;            ///< billing periods are counted from here
};

/// The rows from which a catalog is built. A loader fills them.
struct catalog_input {
    struct account_row {
        account value;
        std::string number;
        ingest::uuid user_id{}; ///< the account's user; nil: no user
    };
    struct subscription_row {
        subscription value; ///< `account` and `plan` are indices into `accounts` and `plans`
        std::string number;
    };
    struct did_row {
        std::string digits;         ///< E.164 without '+'
        catalog_index subscription; ///< index into `subscriptions`; no_index: not assigned
        bool is_active = true;      ///< calls to it are on-net
    };
    std::vector<account_row> accounts;
    std::vector<subscription_row> subscriptions;
    std::vector<did_row> dids;
    std::vector<std::shared_ptr<tariff const>> plans;
};

/// The data that guiding and rating use, as of one moment: accounts, subscriptions, DIDs, tariffs.
/// A catalog is immutable. When plans, accounts, DIDs or subscriptions change, the daemon replaces
/// the whole catalog, so that no call is priced partly by old and partly by new data. Any number of
/// threads.
///
/// Each string is stored once, in one buffer; hash tables hold offsets into it. With a million
/// subscriptions each takes about 100 bytes.
class catalog {
  public:
    explicit catalog(catalog_input input);
    ~catalog();
    catalog(catalog const&) = delete;
    catalog& operator=(catalog const&) = delete;

    [[nodiscard]] account const& account_at(catalog_index i) const noexcept;
    [[nodiscard]] subscription const& subscription_at(catalog_index i) const noexcept;
    [[nodiscard]] tariff const& plan_at(catalog_index i) const noexcept;

    [[nodiscard]] catalog_index account_by_number(std::string_view number) const noexcept;
    [[nodiscard]] catalog_index account_by_id(ingest::uuid const& id) const noexcept;
    /// The account of a user; of several, the one with the least id, which is the oldest.
    [[nodiscard]] catalog_index account_by_user(ingest::uuid const& user_id) const noexcept;
    [[nodiscard]] catalog_index subscription_by_number(std::string_view number) const noexcept;
    [[nodiscard]] catalog_index subscription_by_id(ingest::uuid const& id) const noexcept;
    /// The subscription that owns a DID, given as digits without '+'.
    [[nodiscard]] catalog_index subscription_by_did(std::string_view digits) const noexcept;
    /// Whether a number, given as digits without '+', is one of our active DIDs.
    [[nodiscard]] bool is_active_did(std::string_view digits) const noexcept;
    /// The account's subscription that is active at `time`; of several, the one that began last.
    [[nodiscard]] catalog_index active_subscription(catalog_index account,
                                                    ingest::time_us time) const noexcept;

    [[nodiscard]] std::size_t accounts() const noexcept;
    [[nodiscard]] std::size_t subscriptions() const noexcept;
    [[nodiscard]] std::size_t dids() const noexcept;
    [[nodiscard]] std::size_t plans() const noexcept;

  private:
    struct impl;
    std::unique_ptr<impl> impl_;
};

} // namespace tally::rating
