#pragma once

#include "ingest/record/format.hpp"

namespace tally::ingest {

/// FreeSWITCH mod_json_cdr (and mod_format_cdr with format=json): as pushed with any `encode`
/// setting, or as left in its err-log-dir. The first bytes decide what it is, since the
/// Content-Type is wrong in practice: '{' or '[' JSON (one record, an array, or a record a line),
/// "cdr=" a form, '%' percent-encoded text, anything else base64. A body that cannot be read is one
/// rejected record, never batch.body_error: a switch cannot correct it, so it is kept.
///
/// The dialed number is that of the oldest profile: the target of a transfer is not what was
/// dialed. Times are taken from microseconds, else seconds, else stamps in the source's zone, else
/// from the callflow. What is billed is end - answer, cut to the millisecond like the switch's
/// billmsec; the switch's own duration and billsec are kept as well.
///
/// **Direction.** The switch's `direction` is its own view of a leg: every call that arrives at it
/// is inbound, a subscriber's too. Ours is the subscriber's view, so it is taken from, in order:
///   1. the channel variable `tally_direction` or `call_direction` (FusionPBX and dialplans set
///      it): inbound, or outbound (local counts as outbound: a subscriber dialed);
///   2. a leg that the switch made (direction outbound, or it has an originator): outbound;
///   3. a leg that arrived: outbound when it came from a known user (`accountcode` or
///      `sip_auth_username` is set, as the user directory does), otherwise from a trunk: inbound.
/// Without such a variable the direction is only assumed (cdr::direction_assumed): guiding knows
/// the owners of the numbers and may reverse it.
void decode_freeswitch(decode_context const& context, record_batch& batch) noexcept;

} // namespace tally::ingest
