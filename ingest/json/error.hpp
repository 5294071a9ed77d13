#pragma once

#include "ingest/base/record_error.hpp"

namespace tally::ingest {

/// The reason that a sender sees for a simdjson::error_code. An int, since simdjson's header is
/// large and stays inside the folders that parse.
record_error json_error(int simdjson_error) noexcept;

} // namespace tally::ingest
