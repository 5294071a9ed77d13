#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tally::storage {

/// The statements of a script, without the semicolons between them and without statements that are
/// nothing but comments. Knows PostgreSQL's quotes: '...', E'...', "...", $tag$...$tag$, -- and
/// nested /* */ comments. For scripts whose statements have to be sent one by one.
std::vector<std::string> split_statements(std::string_view script);

/// Whether the script's leading comment lines hold the line "-- tallyd: no-transaction".
bool is_marked_no_transaction(std::string_view script);

} // namespace tally::storage
