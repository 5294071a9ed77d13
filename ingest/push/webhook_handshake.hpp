#pragma once

#include "ingest/http/message.hpp"

#include <string_view>

namespace tally::ingest {

/// Responds to OPTIONS: a sender of events asks for permission before its first delivery (HTTP 1.1
/// Web Hooks for Event Delivery, section 4). The request has been authorized like a push. There is
/// no limit on the rate: load is refused with 503 when it comes. A request without an origin gets
/// the methods only, and no permission.
http_response webhook_handshake(http_head const& head, std::string_view allowed_methods);

} // namespace tally::ingest
