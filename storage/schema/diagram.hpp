#pragma once

#include "storage/postgres/sql_session.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace tally::storage {

/// The schema as Mermaid entity relationship diagrams in Markdown, one per PostgreSQL schema:
/// tables with their key columns, and relations. Read from the catalog of a database that has all
/// migrations; partitions are left out. The same schema always gives the same text. Throws
/// database_error.
std::string schema_diagram(sql_session& session);

/// `page` with the text between the diagram's two markers replaced; nullopt unless it has both
/// markers, in order, each on a line of its own.
std::optional<std::string> with_diagram(std::string_view page, std::string_view diagram);

} // namespace tally::storage
