#include "storage/postgres/failure_class.hpp"

#include <algorithm>
#include <array>

namespace tally::storage {

namespace {

struct class_rule {
    std::string_view prefix; ///< of the SQLSTATE; the first row that matches decides
    failure reason;
};

// PostgreSQL manual, appendix A. A code without a row is permanent: an operator has to act.
constexpr std::array rules{
    class_rule{"0A000", failure::transient}, // a migration changed a cached plan's result type
    class_rule{"08", failure::transient},    // connection
    class_rule{"22", failure::bad_data},     class_rule{"23", failure::bad_data},
    class_rule{"25006", failure::transient}, // read-only: a standby, or during a failover
    class_rule{"25P03", failure::transient}, // idle in transaction for too long
    class_rule{"25P04", failure::transient}, // transaction timeout
    class_rule{"26000", failure::transient}, // prepared statement gone (a pooler's reset)
    class_rule{"40", failure::transient},    // deadlock, serialization
    class_rule{"53", failure::transient},    // disk full, out of memory, too many connections
    class_rule{"54", failure::bad_data},     // a value over a limit of the server
    class_rule{"55006", failure::transient}, // object in use
    class_rule{"55P03", failure::transient}, // lock not available in time
    class_rule{"57", failure::transient},    // query canceled, shutting down, starting up
    class_rule{"58", failure::transient},    // the server's own I/O
    class_rule{"P0", failure::bad_data},     // raised by a trigger of the operator's own
};

// A unique violation names the partition, "cdrs_p20260131".
bool is_cdrs(std::string_view table) noexcept {
    return table.starts_with("cdrs");
}

} // namespace

failure classify(std::string_view sqlstate, std::string_view table,
                 std::string_view constraint) noexcept {
    if (sqlstate.empty()) {
        return failure::transient; // a report of libpq: the connection is lost
    }

    // Two unique keys have a meaning of their own.
    if (sqlstate == "23505" && is_cdrs(table)) {
        return failure::duplicate;
    }
    if (sqlstate == "23505" && constraint == "batches_pkey") {
        return failure::unknown; // this batch is stored already: the answer to COMMIT was lost
    }

    auto const rule = std::find_if(rules.begin(), rules.end(), [&](class_rule const& r) {
        return sqlstate.starts_with(r.prefix);
    });
    return rule == rules.end() ? failure::permanent : rule->reason;
}

std::string_view name_of(failure reason) noexcept {
    switch (reason) {
    case failure::none:
        return "none";
    case failure::transient:
        return "transient";
    case failure::permanent:
        return "permanent";
    case failure::bad_data:
        return "bad_data";
    case failure::duplicate:
        return "duplicate";
    case failure::stale:
        return "stale";
    case failure::lost:
        return "lost";
    case failure::unknown:
        return "unknown";
    }
    return "unknown";
}

bool is_without_session(result const& failed) noexcept {
    static constexpr std::array<std::string_view, 6> prefixes{"08", "57P",   "28",
                                                              "3D", "53300", "25006"};
    bool const may_be = failed.reason == failure::transient || failed.reason == failure::unknown;
    return (may_be && failed.sqlstate.empty()) ||
           std::ranges::any_of(prefixes, [&failed](std::string_view prefix) {
               return failed.sqlstate.starts_with(prefix);
           });
}

// These do not go away in the session: it is with a standby, has lost its prepared statements, or
// has plans of a table that a migration changed.
bool wants_new_connection(std::string_view sqlstate) noexcept {
    return sqlstate == "25006" || sqlstate == "26000" || sqlstate == "0A000";
}

} // namespace tally::storage
