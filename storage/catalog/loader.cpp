#include "storage/catalog/loader.hpp"

#include "storage/catalog/tariff_loader.hpp"
#include "storage/postgres/copy_reader.hpp"

#include <algorithm>
#include <array>

namespace tally::storage {

namespace {

/// Enough for a million rows on a busy machine; the write path's timeout is meant for batches.
constexpr int statement_timeout_ms = 600'000;

// Binary COPY: a million rows are read in seconds, without a result set in memory.
constexpr char const* accounts_sql =
    "COPY (SELECT a.id, a.account_number, a.currency, c.user_id FROM billing.accounts AS a"
    " JOIN billing.customers AS c ON c.id = a.customer_id"
    " WHERE a.status <> 'closed' AND a.deleted_at IS NULL)"
    " TO STDOUT (FORMAT binary)";

// The end of a subscription, by its status: the table is in loader.hpp.
constexpr char const* subscriptions_sql =
    "COPY (SELECT id, subscription_number, account_id, rate_plan_id, currency, started_at,"
    " least(deleted_at, CASE status"
    " WHEN 'canceled' THEN coalesce(ended_at,"
    "  CASE WHEN cancel_at_period_end THEN current_period_end END, cancelled_at)"
    " WHEN 'expired' THEN coalesce(ended_at, current_period_end, trial_ends_at)"
    " ELSE coalesce(ended_at, 'infinity') END)"
    " FROM billing.subscriptions WHERE deleted_at IS NULL OR deleted_at > started_at)"
    " TO STDOUT (FORMAT binary)";

// Active DIDs first: if a number exists with and without '+', the catalog keeps the first one. An
// active DID is ours, and a call to it is on-net, even while no subscription has it.
constexpr std::array dids_sql{
    "COPY (SELECT subscription_id, ltrim(did_number, '+'), true FROM billing.dids"
    " WHERE status = 'active') TO STDOUT (FORMAT binary)",
    "COPY (SELECT subscription_id, ltrim(did_number, '+'), false FROM billing.dids"
    " WHERE subscription_id IS NOT NULL AND status = 'suspended') TO STDOUT (FORMAT binary)"};

/// Far longer than any identifier that a switch sends, far below what the catalog can store.
constexpr std::size_t number_bytes_max = 1024;
constexpr char const* too_long = " has more than 1024 bytes";

class catalog_reader {
  public:
    catalog_reader(pq_connection& connection, load_warnings& warnings)
        : connection_(connection), warnings_(warnings) {}

    result read();
    std::shared_ptr<rating::catalog const> build();

  private:
    result read_rows(char const* sql, void (catalog_reader::*take)(copy_fields));
    void take_account(copy_fields row);
    void take_subscription(copy_fields row);
    void take_did(copy_fields row);
    [[nodiscard]] char const* fault_of(rating::subscription const& one,
                                       std::string_view currency) const;

    pq_connection& connection_;
    load_warnings& warnings_;
    rating::catalog_input input_;
    uuid_indices accounts_;
    uuid_indices subscriptions_;
    loaded_tariffs tariffs_;
};

void catalog_reader::take_account(copy_fields row) {
    rating::catalog_input::account_row taken;
    taken.value.id = row.uuid();
    taken.number = row.text();
    if (taken.number.size() > number_bytes_max) {
        warnings_.add("account " + ingest::to_string(taken.value.id) + " is left out: its number" +
                      too_long);
        return;
    }

    std::string_view const currency = row.text();
    std::copy_n(currency.begin(), std::min(currency.size(), taken.value.currency.size()),
                taken.value.currency.begin());
    taken.user_id = row.uuid();

    // Subscriptions name their account by id, and the catalog by index.
    accounts_.emplace(taken.value.id, static_cast<rating::catalog_index>(input_.accounts.size()));
    input_.accounts.push_back(std::move(taken));
}

/// Why a subscription of a known account cannot be rated; nullptr if it can.
char const* catalog_reader::fault_of(rating::subscription const& one,
                                     std::string_view currency) const {
    if (one.plan == rating::no_index) {
        return "its plan is left out";
    }
    auto const& account = input_.accounts[one.account].value.currency;
    if (currency != std::string_view{account.data(), account.size()}) {
        return "its currency is not its account's";
    }
    if (tariffs_.plans[one.plan]->head().currency != account) {
        return "its plan's currency is not its account's";
    }
    return one.active_to == ingest::never_us ? "it is canceled or expired, but has no end"
                                             : nullptr;
}

void catalog_reader::take_subscription(copy_fields row) {
    rating::catalog_input::subscription_row taken;
    rating::subscription& one = taken.value;
    one.id = row.uuid();
    taken.number = row.text();
    if (taken.number.size() > number_bytes_max) {
        warnings_.add("subscription " + ingest::to_string(one.id) + " is left out: its number" +
                      too_long);
        return;
    }

    // The subscriptions of an account that was left out are left out without a warning each.
    auto const account = accounts_.find(row.uuid());
    auto const plan = tariffs_.indices.find(row.uuid());
    if (account == accounts_.end()) {
        return;
    }
    one.account = account->second;
    one.plan = plan == tariffs_.indices.end() ? rating::no_index : plan->second;

    // The billing periods are counted from the beginning of the subscription.
    std::string_view const currency = row.text();
    one.active_from = row.time(INT64_MIN);
    one.anchor = one.active_from;
    one.active_to = row.time(ingest::never_us);

    // Left out, with a warning: one bad row must not stop the billing of all others.
    if (char const* const fault = fault_of(one, currency)) {
        warnings_.add("subscription '" + taken.number + "' is left out: " + fault);
        return;
    }

    // DIDs name their subscription by id, and the catalog by index.
    subscriptions_.emplace(one.id, static_cast<rating::catalog_index>(input_.subscriptions.size()));
    input_.subscriptions.push_back(std::move(taken));
}

void catalog_reader::take_did(copy_fields row) {
    auto const found = subscriptions_.find(row.uuid());
    auto const owner = found == subscriptions_.end() ? rating::no_index : found->second;
    std::string digits{row.text()};
    bool const is_active = row.boolean();
    // An active number is ours even without a subscription: calls to it are on-net.
    if (is_active || owner != rating::no_index) {
        input_.dids.push_back({std::move(digits), owner, is_active});
    }
}

result catalog_reader::read_rows(char const* sql, void (catalog_reader::*take)(copy_fields)) {
    return connection_.copy_out(sql, [this, take](std::string_view chunk) {
        if (copy_fields const row{chunk}; row.is_row()) {
            (this->*take)(row);
        }
    });
}

result catalog_reader::read() {
    // Each table needs the indices of those before it.
    result status = read_rows(accounts_sql, &catalog_reader::take_account);
    if (status.ok()) {
        auto tariffs = load_tariffs(connection_, warnings_);
        status = tariffs.status();
        if (tariffs.ok()) {
            tariffs_ = *std::move(tariffs);
        }
    }

    if (status.ok()) {
        status = read_rows(subscriptions_sql, &catalog_reader::take_subscription);
    }
    for (char const* const sql : dids_sql) {
        if (status.ok()) {
            status = read_rows(sql, &catalog_reader::take_did);
        }
    }

    input_.plans = tariffs_.plans;
    return status;
}

std::shared_ptr<rating::catalog const> catalog_reader::build() {
    // Freed before the catalog is built: a million rows of each kind take much memory.
    accounts_ = {};
    subscriptions_ = {};
    tariffs_ = {};
    std::size_t const numbers = input_.dids.size();
    auto built = std::make_shared<rating::catalog const>(std::move(input_));
    if (built->dids() < numbers) {
        warnings_.add(std::to_string(numbers - built->dids()) +
                      " DIDs are there twice, with and without '+'");
    }
    return built;
}

} // namespace

namespace {

// now() is the beginning of the transaction, just before its first statement takes the snapshot:
// no change before this time is missing.
expected<ingest::time_us> read_moment(pq_connection& connection) {
    parameters none;
    pq_rows rows;
    result status = connection.query("SELECT now()", none, rows);
    return status.ok() ? expected{time_at(rows, 0, 0, 0)} : status;
}

} // namespace

expected<loaded_catalog> load_catalog(pq_connection& connection) {
    // One snapshot for all tables (R14), in one session: the pin forbids to connect again.
    result status = connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;"
                                       "SET LOCAL statement_timeout = " +
                                       std::to_string(statement_timeout_ms));
    pq_connection::pin const one_session{connection};

    // Even after a failure the transaction is ended, so that the caller can go on with the
    // connection.
    loaded_catalog loaded;
    catalog_reader reader{connection, loaded.warnings};
    if (status.ok()) {
        auto const moment = read_moment(connection);
        status = moment.status();
        loaded.as_of = moment.ok() ? *moment : 0;
    }
    if (status.ok()) {
        status = reader.read();
    }
    if (connection.is_open()) {
        result const ended = connection.execute("ROLLBACK"); // the transaction only read
        status = status.ok() ? ended : status;
    }

    // After the transaction, which need not wait for it.
    if (!status.ok()) {
        return status;
    }
    loaded.catalog = reader.build();
    return loaded;
}

expected<loaded_catalog> load_catalog(std::string const& connection_string) {
    pq_connection connection{connection_string, "tallyd catalog"};
    return load_catalog(connection);
}

} // namespace tally::storage
