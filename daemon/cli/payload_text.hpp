#pragma once

#include "ingest/json/writer.hpp"

#include <string>
#include <string_view>

namespace tally::daemon {

/// Adds a record's original bytes under `key`, or, when they are not valid UTF-8, as base64 under
/// `key`_base64. Both can be turned back into exactly these bytes.
void add_payload(ingest::json_writer& writer, std::string_view key, std::string_view bytes);

/// A record's original bytes for a terminal: text, line ends and tabs unchanged; every other byte,
/// such as a terminal control character or invalid UTF-8, as \xNN.
std::string readable(std::string_view bytes);

} // namespace tally::daemon
