#pragma once

#include "ingest/record/event.hpp"

#include <string_view>

namespace tally::ingest {

class event_data_reader;

// Events whose effects are functions of the database (migration 0017): each checks that the data
// holds what its function needs, in forms that the function's casts take, and says what is moved.
// false with the reader's fault. ingest/EVENTS.md has the members.

bool read_audit_action(event_data_reader& from, event& out, entity_data& what);
bool read_license(event_data_reader& from, event& out, entity_data& what);
bool read_affiliate_click(event_data_reader& from, event& out, entity_data& what);
bool read_affiliate_conversion(event_data_reader& from, event& out, entity_data& what);
bool read_voucher_session(event_data_reader& from, event& out, entity_data& what);
bool read_room(event_data_reader& from, event& out, entity_data& what);

/// Whether a type of a family ("license.sms.sent") is one of those that the kind knows. Licences
/// take any: what has no effect is audited.
bool is_known_member(event_kind kind, std::string_view type) noexcept;

/// Of an error whose sender gives none; lives as long as the thread reads nothing else.
std::string_view error_fingerprint(app_error_data const& of);

} // namespace tally::ingest
