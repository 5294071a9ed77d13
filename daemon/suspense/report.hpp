#pragma once

#include "storage/suspense/rows.hpp"

#include <iosfwd>
#include <string>
#include <vector>

namespace tally::daemon {

// Prints suspended records: as tables and text for people, as one JSON object per line for scripts.

void print_groups(std::ostream& out, std::vector<storage::suspense_group> const& groups);
void print_groups_as_json(std::ostream& out, std::vector<storage::suspense_group> const& groups);

/// `all`: the total number of records; `rows` may contain only the latest of them.
void print_rows(std::ostream& out, std::vector<storage::suspense_record> const& rows,
                std::int64_t all);

/// Everything about one record, with what to do about it and its payload.
void print_record(std::ostream& out, storage::suspense_record const& record);

enum class with_payload : bool { no, yes };

/// All fields as one line without a line feed. The payload is text, or base64 when it is not UTF-8.
std::string json_line(storage::suspense_record const& record, with_payload payload);

} // namespace tally::daemon
