#pragma once

#include "storage/suspense/suspense_rows.hpp"

#include <iosfwd>
#include <string>
#include <vector>

namespace tally::daemon {

// What is told of suspended records: as tables and words for people, as a JSON object a line for
// scripts.

void print_groups(std::ostream& out, std::vector<storage::suspense_group> const& groups);
void print_groups_as_json(std::ostream& out, std::vector<storage::suspense_group> const& groups);

/// `all`: how many there are, of which `rows` may be the latest.
void print_rows(std::ostream& out, std::vector<storage::suspense_record> const& rows,
                std::int64_t all);

/// Everything about one record, with what to do about it and its payload.
void print_record(std::ostream& out, storage::suspense_record const& record);

enum class with_payload : bool { no, yes };

/// All fields in one line, without its line feed. The payload as text, or as base64 when it is
/// none.
std::string json_line(storage::suspense_record const& record, with_payload payload);

} // namespace tally::daemon
