#include "tests/simulation/comparison/real_server.hpp"

#include "storage/partitions/partitions.hpp"
#include "tests/support/billing_fixture.hpp"
#include "tests/support/call_maker.hpp"
#include "tests/support/private_postgres.hpp"

#include <chrono>
#include <stdexcept>
#include <thread>

namespace tally::simulation {

namespace {

constexpr storage::partition_policy any_day{20'000, 20'000, 1};

std::string name_of(int connection) {
    return "compared " + std::to_string(connection);
}

void check(storage::result const& status) {
    if (!status.ok()) {
        throw std::runtime_error{status.detail};
    }
}

} // namespace

real_server::real_server() : database{tests::private_postgres::shared().migrated_database()} {
    tests::make_telecom(database, accounts);
    auto const id_of = [this](char const* table, char const* column, std::string const& number) {
        return *ingest::parse_uuid(
            tests::query_one(database, std::string{"SELECT id FROM billing."} + table + " WHERE " +
                                           column + " = '" + number + "'"));
    };
    for (int i = 0; i < accounts; ++i) {
        auto const number = std::to_string(i + 1);
        auto const index = static_cast<std::size_t>(i);
        account_ids[index] = id_of("accounts", "account_number", "ACC-" + number);
        subscription_ids[index] = id_of("subscriptions", "subscription_number", "SUB-" + number);
    }
    for (int i = 0; i < lanes; ++i) {
        stores[static_cast<std::size_t>(i)] =
            std::make_unique<storage::batch_writer>(database, name_of(i), any_day);
    }
    positions = std::make_unique<storage::stored_positions>(database, name_of(lanes));

    // The partitions of the day on which everything happens.
    std::array const days{storage::day_of(tests::call_maker::base)};
    std::array const event_days{storage::event_day{ingest::event_kind::usage, days[0]}};
    std::vector<std::int32_t> refused;
    std::vector<storage::event_day> refused_events;
    check(stores[0]->ensure_cdr_days(days, refused));
    check(stores[0]->ensure_event_days(event_days, refused_events));
}

void real_server::end_session(int connection) const {
    tests::execute(database, "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE"
                             " datname = current_database() AND application_name = '" +
                                 name_of(connection) + "'");
}

void real_server::wait_until_blocked(int lane, std::atomic<bool> const& is_over) const {
    auto const asked = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND"
                       " datname = current_database() AND application_name = '" +
                       name_of(lane) + "'";
    while (!is_over && tests::query_one(database, asked) == "0") {
        std::this_thread::sleep_for(std::chrono::milliseconds{1});
    }
}

} // namespace tally::simulation
