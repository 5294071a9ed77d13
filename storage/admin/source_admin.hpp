#pragma once

#include "storage/postgres/sql_session.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tally::storage {

/// A row of ingest.sources as operators see it. The token is not part of it: only its digest is
/// stored.
struct source_row {
    std::string name;
    std::string time_zone = "UTC";
    std::vector<std::string> formats; ///< empty: all
    std::string b_legs = "accept";    ///< or "skip"
    std::string percent = "auto";     ///< "on", "off"
    std::string number_rules = "{}";  ///< JSON that ingest::read_number_rules takes
    bool has_token = false;
    bool is_active = true;
    std::string created_at; ///< UTC, to the second

    friend bool operator==(source_row const&, source_row const&) = default;
};

/// Adds and changes sources. A trigger notifies running daemons at once (NOTIFY). `token_sha256` is
/// hexadecimal. Used by one thread; throws database_error.
class source_admin {
  public:
    explicit source_admin(sql_session& session) : session_{session} {}

    /// False: a source of that name exists. Throws database_error for a name that the table
    /// forbids.
    bool add(source_row const& row, std::optional<std::string> const& token_sha256);
    /// All sources, by name.
    std::vector<source_row> list();
    /// False: there is no source of that name. The same for the other set functions.
    bool set_token(std::string const& name, std::string const& token_sha256);
    /// nullopt: there is no source of that name.
    std::optional<std::string> number_rules(std::string const& name);
    bool set_number_rules(std::string const& name, std::string const& json);
    bool set_active(std::string const& name, bool is_active);

  private:
    sql_session& session_;
};

} // namespace tally::storage
