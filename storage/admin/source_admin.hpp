#pragma once

#include "storage/postgres/pqxx_session.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tally::storage {

/// A row of ingest.sources as operators see it; never the token, of which only a digest is kept.
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

/// Adding and changing of sources. Running daemons hear of it at once (NOTIFY by a trigger).
/// `token_sha256` is hexadecimal. Used by one thread; throws sql_error.
class source_admin {
  public:
    explicit source_admin(pqxx_session& session) : session_{session} {}

    /// False: there is one of that name. Throws sql_error for a name the table does not allow.
    bool add(source_row const& row, std::optional<std::string> const& token_sha256);
    /// By name.
    std::vector<source_row> list();
    /// False: there is none of that name.
    bool set_token(std::string const& name, std::string const& token_sha256);
    /// nullopt: there is none of that name.
    std::optional<std::string> number_rules(std::string const& name);
    bool set_number_rules(std::string const& name, std::string const& json);
    bool set_active(std::string const& name, bool is_active);

  private:
    pqxx_session& session_;
};

} // namespace tally::storage
