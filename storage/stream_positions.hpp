#pragma once

#include "storage/pqxx_session.hpp"

#include <cstdint>
#include <string>

namespace tally::storage {

/// How far every one of `lanes` lanes has come with a stream: all records below it are stored. 0
/// when one of them has none. Throws sql_error.
std::uint64_t lowest_position(pqxx_session& on, std::string const& stream, std::uint32_t lanes);

/// Removes the positions of a stream that is over. Throws sql_error.
void forget_stream(pqxx_session& on, std::string const& stream);

} // namespace tally::storage
