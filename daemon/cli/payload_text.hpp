#pragma once

#include "ingest/text/json_writer.hpp"

#include <string>
#include <string_view>

namespace tally::daemon {

/// Adds a record's own bytes under `key`, or, when they are no UTF-8, as base64 under
/// `key`_base64: either gives them back exactly.
void add_payload(ingest::json_writer& to, std::string_view key, std::string_view bytes);

/// A record's own bytes for a person's terminal: text as it is, line ends and tabs too, each byte
/// that is none, or that could play with the terminal, as \xNN.
std::string readable(std::string_view bytes);

} // namespace tally::daemon
