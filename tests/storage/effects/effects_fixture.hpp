#pragma once

#include "tests/storage/schema/context_fixture.hpp"

#include <optional>
#include <string>
#include <vector>

namespace tally::storage {

/// A usage event as the functions apply_* take it.
struct usage_event {
    std::string type;
    std::string at;   ///< RFC 3339
    std::string data; ///< JSON
    sql_value subject = {};
    sql_value id = {}; ///< uuid; without one each has its own
};

/// What tests of the effects of events (the functions apply_* of migration 0017) begin with: users
/// 1 to 9, and events that are applied one by one, each in a transaction of its own.
class effects_test : public context_test {
  protected:
    void SetUp() override {
        session_.execute("SET timezone = 'UTC'");
        make_users(9);
    }

    /// "ok", or the reason code of the verdict, which is in said_ then. A verdict has to leave
    /// everything as it was.
    std::string apply(usage_event const& event) { return apply(session_, event, said_); }

    /// The same by another session; checks nothing but the verdict.
    static std::string apply_by(pqxx_session& session, usage_event const& event);

    /// Applies all, and again what was refused, until nothing changes any more, as people do who
    /// retry what is suspended. Returns how many are left.
    std::size_t apply_all(std::vector<usage_event> events);

    /// "2026-03-02T00:00:00Z" and so many seconds: a Monday.
    static std::string at(int seconds);
    /// The same as PostgreSQL prints it in UTC.
    static std::string printed(int seconds);

  private:
    static std::string apply(pqxx_session& session, usage_event const& event, std::string& said);
};

} // namespace tally::storage
