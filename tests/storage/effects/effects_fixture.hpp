#pragma once

#include "tests/storage/sql_schema/context_fixture.hpp"
#include "tests/support/json_object.hpp"

#include <optional>
#include <string>
#include <vector>

namespace tally::storage {

/// An event in the form that the functions apply_* take.
struct usage_event {
    std::string type;
    std::string position; ///< RFC 3339
    std::string data;     ///< JSON
    sql_value subject = {};
    sql_value id = {}; ///< uuid; if not given, each event has its own
};

/// Fixture of the tests of event effects (the functions apply_* of migrations 0018 to 0022): users
/// 1 to 9, and events that are applied one by one, each in its own transaction.
class effects_test : public context_test {
  protected:
    void SetUp() override {
        session_.execute("SET timezone = 'UTC'");
        make_users(9);
    }

    /// "ok", or the reason code of the verdict, whose text is in said_ then. An event that is
    /// refused must change nothing.
    std::string apply(usage_event const& event) { return apply(session_, event, text_); }

    /// The same in another session; checks the verdict only.
    static std::string apply_by(sql_session& session, usage_event const& event);

    /// Applies all events, and again those that were refused, until none is accepted, as retries
    /// of suspended records do. Returns the number of refused ones.
    std::size_t apply_all(std::vector<usage_event> events);

    /// "2026-03-02T00:00:00Z" and so many seconds: a Monday.
    static std::string at(int seconds);
    /// The same as PostgreSQL prints it in UTC.
    static std::string printed(int seconds);

  private:
    static std::string apply(sql_session& session, usage_event const& event, std::string& text);
};

} // namespace tally::storage
