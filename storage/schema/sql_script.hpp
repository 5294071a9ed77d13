#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tally::storage {

/// The statements of a script, without the semicolons between them and without statements that
/// consist of comments only. Knows PostgreSQL's quotes ('...', E'...', "...", $tag$...$tag$) and
/// comments (-- and nested /* */). For scripts whose statements must be sent one by one.
std::vector<std::string> split_statements(std::string_view script);

/// Whether one of the comment lines at the beginning is "-- tallyd: no-transaction".
bool is_marked_no_transaction(std::string_view script);

} // namespace tally::storage
