#include "rating/catalog/catalog.hpp"

#include "ingest/base/assert.hpp"
#include "rating/catalog/name_table.hpp"

#include <algorithm>
#include <boost/unordered/unordered_flat_set.hpp>
#include <stdexcept>
#include <utility>

namespace tally::rating {

namespace {

/// The rows contain the ids; the table holds only indices of rows.
template <typename Row>
struct id_hash {
    using is_transparent = void;
    using is_avalanching = void;
    std::vector<Row> const* rows;
    std::size_t operator()(ingest::uuid const& id) const noexcept {
        return ingest::uuid_hash{}(id);
    }
    std::size_t operator()(catalog_index i) const noexcept { return (*this)((*rows)[i].id); }
};

template <typename Row>
struct id_equal {
    using is_transparent = void;
    std::vector<Row> const* rows;
    bool operator()(catalog_index a, catalog_index b) const noexcept {
        return (*rows)[a].id == (*rows)[b].id;
    }
    bool operator()(ingest::uuid const& id, catalog_index i) const noexcept {
        return id == (*rows)[i].id;
    }
    bool operator()(catalog_index i, ingest::uuid const& id) const noexcept {
        return id == (*rows)[i].id;
    }
};

template <typename Row>
using id_table = boost::unordered_flat_set<catalog_index, id_hash<Row>, id_equal<Row>>;

template <typename Row>
catalog_index find_in(id_table<Row> const& table, ingest::uuid const& id) noexcept {
    auto const found = table.find(id);
    return found == table.end() ? no_index : *found;
}

/// The table of DIDs has one number per DID: the subscription, and a bit for an active DID. The
/// value for a DID without a subscription must differ from no_index also with that bit.
constexpr catalog_index active_bit = catalog_index{1} << 31;
constexpr catalog_index nobody = active_bit - 2;

void require(bool holds, char const* text) {
    if (!holds) {
        throw std::invalid_argument(text);
    }
}

} // namespace

struct catalog::impl {
    std::vector<account> accounts;
    std::vector<subscription> subscriptions;
    std::vector<std::shared_ptr<tariff const>> plans;
    name_table account_numbers;
    name_table subscription_numbers;
    name_table dids;
    id_table<account> account_ids{0, id_hash<account>{&accounts}, id_equal<account>{&accounts}};
    id_table<subscription> subscription_ids{0, id_hash<subscription>{&subscriptions},
                                            id_equal<subscription>{&subscriptions}};
    std::vector<std::pair<ingest::uuid, catalog_index>> users; ///< sorted, each once
    /// Subscriptions by account, then by active_from: those of account a are
    /// by_account[account_begin[a]] to by_account[account_begin[a + 1]], exclusive.
    std::vector<catalog_index> by_account;
    std::vector<catalog_index> account_begin;

    void take_accounts(std::vector<catalog_input::account_row> rows);
    void take_subscriptions(std::vector<catalog_input::subscription_row> rows);
    void take_dids(std::vector<catalog_input::did_row> rows);
    void sort_by_account();
};

// Each list is freed as soon as its rows are copied: while the daemon replaces a catalog of a
// million rows, two catalogs are already in memory. Therefore the lists are passed by value.
// NOLINTBEGIN(performance-unnecessary-value-param)
void catalog::impl::take_accounts(std::vector<catalog_input::account_row> rows) {
    accounts.reserve(rows.size());
    account_numbers.reserve(rows.size());
    account_ids.reserve(rows.size());
    for (auto const& row : rows) {
        auto const index = static_cast<catalog_index>(accounts.size());
        account_numbers.add(row.number, index);
        accounts.push_back(row.value);
        account_ids.insert(index);
        if (!row.user_id.is_nil()) {
            users.emplace_back(row.user_id, index);
        }
    }

    // A user with several accounts has the one with the least id.
    std::sort(users.begin(), users.end(), [this](auto const& a, auto const& b) {
        return std::tie(a.first, accounts[a.second].id) < std::tie(b.first, accounts[b.second].id);
    });
    auto const same_user = [](auto const& a, auto const& b) { return a.first == b.first; };
    users.erase(std::unique(users.begin(), users.end(), same_user), users.end());
}

void catalog::impl::take_subscriptions(std::vector<catalog_input::subscription_row> rows) {
    subscriptions.reserve(rows.size());
    subscription_numbers.reserve(rows.size());
    subscription_ids.reserve(rows.size());
    for (auto const& row : rows) {
        require(row.value.account < accounts.size(), "a subscription of no account");
        require(row.value.plan < plans.size(), "a subscription of no plan");

        // The tables refer to the rows by index, so a row is in the list before its id is inserted.
        auto const index = static_cast<catalog_index>(subscriptions.size());
        subscription_numbers.add(row.number, index);
        subscriptions.push_back(row.value);
        subscription_ids.insert(index);
    }
}

void catalog::impl::take_dids(std::vector<catalog_input::did_row> rows) {
    dids.reserve(rows.size());
    for (auto const& row : rows) {
        require(row.subscription < subscriptions.size() || row.subscription == no_index,
                "a DID of no subscription");

        // DIDs are looked up by digits alone, as match_number() gives them.
        std::string_view const digits = row.digits;
        dids.add(digits.substr(digits.starts_with('+') ? 1 : 0),
                 std::min(row.subscription, nobody) | (row.is_active ? active_bit : 0));
    }
}

// NOLINTEND(performance-unnecessary-value-param)

void catalog::impl::sort_by_account() {
    // Shifted by one: the count of account a is at a + 1, where its successor will begin.
    account_begin.assign(accounts.size() + 1, 0);
    by_account.resize(subscriptions.size());
    for (catalog_index i = 0; i < subscriptions.size(); ++i) {
        by_account[i] = i;
        ++account_begin[subscriptions[i].account + 1];
    }

    // The counts per account become the begin of each account in by_account.
    for (std::size_t a = 1; a < account_begin.size(); ++a) {
        account_begin[a] += account_begin[a - 1];
    }

    // The id decides between two that began at the same moment, so that the result does not depend
    // on the order of the input.
    auto const key = [this](catalog_index i) {
        subscription const& s = subscriptions[i];
        return std::tie(s.account, s.active_from, s.id);
    };
    std::sort(by_account.begin(), by_account.end(),
              [&key](catalog_index a, catalog_index b) { return key(a) < key(b); });
}

catalog::catalog(catalog_input input) : impl_(std::make_unique<impl>()) {
    impl_->plans = std::move(input.plans);
    for (auto const& plan : impl_->plans) {
        require(plan != nullptr, "a plan without a tariff");
    }

    // Indices are 32 bits, and the highest ones mean "no row" and "no owner".
    require(input.accounts.size() < no_index && input.subscriptions.size() < nobody,
            "more rows than a catalog can number");

    // In the order of the references: subscriptions name accounts and plans, DIDs name
    // subscriptions.
    impl_->take_accounts(std::move(input.accounts));
    impl_->take_subscriptions(std::move(input.subscriptions));
    impl_->take_dids(std::move(input.dids));
    impl_->sort_by_account();
}

catalog::~catalog() = default;

account const& catalog::account_at(catalog_index i) const noexcept {
    TALLY_ASSERT(i < impl_->accounts.size(), "an account is not of this catalog");
    return impl_->accounts[i];
}

subscription const& catalog::subscription_at(catalog_index i) const noexcept {
    TALLY_ASSERT(i < impl_->subscriptions.size(), "a subscription is not of this catalog");
    return impl_->subscriptions[i];
}

tariff const& catalog::plan_at(catalog_index i) const noexcept {
    TALLY_ASSERT(i < impl_->plans.size(), "a plan is not of this catalog");
    return *impl_->plans[i];
}

catalog_index catalog::account_by_number(std::string_view number) const noexcept {
    return impl_->account_numbers.find(number);
}

catalog_index catalog::subscription_by_number(std::string_view number) const noexcept {
    return impl_->subscription_numbers.find(number);
}

catalog_index catalog::account_by_id(ingest::uuid const& id) const noexcept {
    return find_in(impl_->account_ids, id);
}

catalog_index catalog::account_by_user(ingest::uuid const& user_id) const noexcept {
    auto const& users = impl_->users;
    auto const found =
        std::lower_bound(users.begin(), users.end(), user_id,
                         [](auto const& row, auto const& id) { return row.first < id; });
    return found == users.end() || found->first != user_id ? no_index : found->second;
}

catalog_index catalog::subscription_by_id(ingest::uuid const& id) const noexcept {
    return find_in(impl_->subscription_ids, id);
}

catalog_index catalog::subscription_by_did(std::string_view digits) const noexcept {
    catalog_index const found = impl_->dids.find(digits);
    // A DID without an owner may still be one of ours: calls to it are on-net, but it pays for
    // none.
    catalog_index const owner = found & ~active_bit;
    return found == no_index || owner == nobody ? no_index : owner;
}

bool catalog::is_active_did(std::string_view digits) const noexcept {
    catalog_index const found = impl_->dids.find(digits);
    return found != no_index && (found & active_bit) != 0;
}

catalog_index catalog::active_subscription(catalog_index account,
                                           ingest::time_us time) const noexcept {
    TALLY_ASSERT(account < impl_->accounts.size(), "an account is not of this catalog");
    auto const& rows = impl_->subscriptions;
    auto const* const first = impl_->by_account.data() + impl_->account_begin[account];
    auto const* const last = impl_->by_account.data() + impl_->account_begin[account + 1];

    // Search backward from the last one that began by then: it pays, unless it has ended.
    auto const* found =
        std::upper_bound(first, last, time, [&rows](ingest::time_us t, catalog_index i) {
            return t < rows[i].active_from;
        });
    while (found != first) {
        --found;
        if (time < rows[*found].active_to) {
            return *found;
        }
    }
    return no_index;
}

std::size_t catalog::accounts() const noexcept {
    return impl_->accounts.size();
}
std::size_t catalog::subscriptions() const noexcept {
    return impl_->subscriptions.size();
}
std::size_t catalog::dids() const noexcept {
    return impl_->dids.size();
}
std::size_t catalog::plans() const noexcept {
    return impl_->plans.size();
}

} // namespace tally::rating
