#pragma once

#include "ingest/base/key_table.hpp"
#include "ingest/decode/json_input.hpp"

#include <array>
#include <cstdint>

// Included by .cpp files only: brings simdjson along.

namespace tally::ingest {

/// The channel variables that are read. Their names in the record: freeswitch_variable_keys.
enum class freeswitch_variable : std::uint8_t {
    uuid,
    call_uuid,
    tally_direction,
    call_direction,
    direction,
    accountcode,
    sip_auth_username,
    start_uepoch,
    start_epoch,
    start_stamp,
    answer_uepoch,
    answer_epoch,
    answer_stamp,
    end_uepoch,
    end_epoch,
    end_stamp,
    duration,
    mduration,
    billsec,
    billmsec,
    hangup_cause,
    caller_id_number,
    sip_from_user,
    effective_caller_id_number,
    destination_number,
    dialed_number,
    sip_req_user,
    sip_to_user,
    originating_leg_uuid,
    originator,
    // only for the metadata
    sip_call_id,
    bridge_uuid,
    signal_bond,
    caller_id_name,
    hangup_cause_q850,
    sip_hangup_disposition,
    sip_term_status,
    read_codec,
    write_codec,
    last_app,
    domain_name,
    count_,
};
inline constexpr auto freeswitch_variable_count =
    static_cast<std::size_t>(freeswitch_variable::count_);

inline constexpr key_table<freeswitch_variable_count> freeswitch_variable_keys{
    {"uuid",
     "call_uuid",
     "tally_direction",
     "call_direction",
     "direction",
     "accountcode",
     "sip_auth_username",
     "start_uepoch",
     "start_epoch",
     "start_stamp",
     "answer_uepoch",
     "answer_epoch",
     "answer_stamp",
     "end_uepoch",
     "end_epoch",
     "end_stamp",
     "duration",
     "mduration",
     "billsec",
     "billmsec",
     "hangup_cause",
     "caller_id_number",
     "sip_from_user",
     "effective_caller_id_number",
     "destination_number",
     "dialed_number",
     "sip_req_user",
     "sip_to_user",
     "originating_leg_uuid",
     "originator",
     "sip_call_id",
     "bridge_uuid",
     "signal_bond",
     "caller_id_name",
     "hangup_cause_q850",
     "sip_hangup_disposition",
     "sip_term_status",
     "read_codec",
     "write_codec",
     "last_app",
     "domain_name"}};

/// Members of a callflow entry's caller_profile and times, and its profile_index.
enum class freeswitch_profile_member : std::uint8_t {
    caller_id_name,
    caller_id_number,
    ani,
    network_addr,
    destination_number,
    uuid,
    context,
    originator, ///< if there is one, the record is a b-leg's
    created_time,
    answered_time,
    hangup_time,
    profile_index,
    count_,
};
inline constexpr auto freeswitch_profile_member_count =
    static_cast<std::size_t>(freeswitch_profile_member::count_);

inline constexpr key_table<freeswitch_profile_member_count> freeswitch_profile_keys{
    {"caller_id_name", "caller_id_number", "ani", "network_addr", "destination_number", "uuid",
     "context", "originator", "created_time", "answered_time", "hangup_time", "profile_index"}};

using freeswitch_profile = std::array<json_token, freeswitch_profile_member_count>;

/// The values of a record that are read, as in the input.
struct freeswitch_tokens {
    std::array<json_token, freeswitch_variable_count> variables{};
    json_token channel_direction; ///< channel_data.direction
    json_token core_uuid;
    json_token switchname;
    /// A call gets a new profile at each transfer. If there is only one, it is both.
    freeswitch_profile newest{};
    freeswitch_profile oldest{};
    std::int64_t newest_index = 0;
    std::int64_t oldest_index = 0;
    bool has_profile = false;
    bool has_originator = false; ///< in any profile
    bool has_variables = false;
};

/// Reads a record's object to its end. callflow may be an object, an array of them, or a repeated
/// key; profiles are ordered by profile_index, or newest first if it is missing.
simdjson::error_code read_freeswitch_tokens(simdjson::ondemand::object& record,
                                            freeswitch_tokens& out);

} // namespace tally::ingest
