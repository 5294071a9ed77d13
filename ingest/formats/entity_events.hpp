#pragma once

#include "ingest/record/event.hpp"

#include <string_view>

namespace tally::ingest {

class event_data_reader;

// Events whose effects are functions of the database (migrations 0017 to 0023). Each of these
// checks that the data contains what the function needs, in a form that its casts accept, and reads
// the entity. Returns false with the reader's fault. The members are listed in ingest/EVENTS.md.

bool read_audit_action(event_data_reader& reader, event& out, entity_data& data);
bool read_license(event_data_reader& reader, event& out, entity_data& data);
bool read_affiliate_click(event_data_reader& reader, event& out, entity_data& data);
bool read_affiliate_conversion(event_data_reader& reader, event& out, entity_data& data);
bool read_voucher_session(event_data_reader& reader, event& out, entity_data& data);
bool read_room(event_data_reader& reader, event& out, entity_data& data);

/// Whether a type of a family ("license.sms.sent") is one that the kind knows. Licenses accept any:
/// one without an effect is audited.
bool is_known_member(event_kind kind, std::string_view type) noexcept;

/// The fingerprint of an error that was sent without one; valid until the thread's next call.
std::string_view error_fingerprint(app_error_data const& data);

} // namespace tally::ingest
