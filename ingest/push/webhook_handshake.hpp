#pragma once

#include "ingest/http/http_message.hpp"

#include <string_view>

namespace tally::ingest {

/// Answers OPTIONS: a sender of events asks whether its deliveries are wanted before it makes any
/// (HTTP 1.1 Web Hooks for Event Delivery, section 4). Who asks has been authorized as for a push;
/// there is no limit on the rate, as load is refused with 503 when it comes. A request that names
/// no origin is told the methods, and gives no permission.
http_response webhook_handshake(http_head const& head, std::string_view allowed_methods);

} // namespace tally::ingest
