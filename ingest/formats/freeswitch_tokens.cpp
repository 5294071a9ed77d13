#include "ingest/formats/freeswitch_tokens.hpp"

#include "ingest/text/decimal.hpp"

namespace tally::ingest {
namespace {

namespace ondemand = simdjson::ondemand;
using simdjson::error_code;
using simdjson::SUCCESS;

bool begins_with(ondemand::value& value, char bracket) noexcept {
    return value.raw_json_token().starts_with(bracket);
}

/// Skips a value that is not needed, or not of the expected type.
error_code pass_over(ondemand::value& value) noexcept {
    json_token ignored;
    return read_token(value, ignored);
}

/// Calls `each(key, value)` for all members if `value` is an object.
template <typename Each>
error_code for_each_member(ondemand::value& value, Each const& each) {
    // A member of an unexpected type counts as absent: the record may still be complete without it.
    if (!begins_with(value, '{')) {
        return pass_over(value);
    }
    ondemand::object object;
    if (auto const error = value.get_object().get(object)) {
        return error;
    }

    // On Demand reads each value where it is found; values that are not needed are passed over.
    for (auto member : object) {
        ondemand::field field;
        if (auto const error = std::move(member).get(field)) {
            return error;
        }
        if (auto const error = each(key_of(field), field.value())) {
            return error;
        }
    }
    return SUCCESS;
}

error_code read_variables(ondemand::value& value, freeswitch_tokens& out) {
    if (!begins_with(value, '{')) {
        return pass_over(value);
    }
    ondemand::object object;
    if (auto const error = value.get_object().get(object)) {
        return error;
    }

    // A record without variables and profile is other JSON, and is rejected.
    out.has_variables = true;
    return read_members(object, freeswitch_variable_keys, out.variables);
}

error_code read_channel_data(ondemand::value& value, freeswitch_tokens& out) {
    return for_each_member(value, [&out](std::string_view key, ondemand::value& member) {
        return key == "direction" ? read_token(member, out.channel_direction) : pass_over(member);
    });
}

/// Reads caller_profile or times: their members share one table, since no name is in both.
error_code read_profile_part(ondemand::value& value, freeswitch_profile& profile) {
    if (!begins_with(value, '{')) {
        return pass_over(value);
    }
    ondemand::object object;
    if (auto const error = value.get_object().get(object)) {
        return error;
    }
    return read_members(object, freeswitch_profile_keys, profile);
}

json_token& member_of(freeswitch_profile& profile, freeswitch_profile_member member) noexcept {
    return profile[static_cast<std::size_t>(member)];
}

bool is_filled(json_token const& token) noexcept {
    return !token.is_absent() && token.text != "{}" && token.text != "[]";
}

void keep_profile(freeswitch_profile& profile, freeswitch_tokens& out) noexcept {
    using enum freeswitch_profile_member;
    auto const value = parse_decimal(member_of(profile, profile_index).text, 0);
    // Without an index, profiles are in the order from newest to oldest.
    std::int64_t const index = value ? *value : out.has_profile ? out.oldest_index - 1 : 0;
    if (!out.has_profile || index > out.newest_index) {
        out.newest = profile;
        out.newest_index = index;
    }
    if (!out.has_profile || index < out.oldest_index) {
        out.oldest = profile;
        out.oldest_index = index;
    }
    out.has_profile = true;
    out.has_originator = out.has_originator || is_filled(member_of(profile, originator));
}

error_code read_callflow_entry(ondemand::value& value, freeswitch_tokens& out) {
    freeswitch_profile profile{};
    bool has_caller = false;
    auto const error =
        for_each_member(value, [&](std::string_view key, ondemand::value& member) -> error_code {
            if (key == "caller_profile") {
                has_caller = true;
                return read_profile_part(member, profile);
            }
            if (key == "times") {
                return read_profile_part(member, profile);
            }
            // The order of the profiles is by this number, whatever their order in the array.
            if (key == "profile_index") {
                return read_token(member,
                                  member_of(profile, freeswitch_profile_member::profile_index));
            }
            return pass_over(member);
        });

    // An entry without a caller_profile says nothing about the call.
    if (!error && has_caller) {
        keep_profile(profile, out);
    }
    return error;
}

error_code read_callflow(ondemand::value& value, freeswitch_tokens& out) {
    // A single entry may come without its array (docs/FORMATS.md, freeswitch).
    if (!begins_with(value, '[')) {
        return read_callflow_entry(value, out);
    }
    ondemand::array entries;
    if (auto const error = value.get_array().get(entries)) {
        return error;
    }

    // All entries are read: each transfer adds one, and the oldest and newest matter.
    for (auto each : entries) {
        ondemand::value entry;
        if (auto const error = std::move(each).get(entry)) {
            return error;
        }
        if (auto const error = read_callflow_entry(entry, out)) {
            return error;
        }
    }
    return SUCCESS;
}

error_code read_top_member(std::string_view key, ondemand::value& value, freeswitch_tokens& out) {
    if (key == "variables") {
        return read_variables(value, out);
    }
    if (key == "callflow") {
        return read_callflow(value, out);
    }

    // Needed only where variables or callflow do not have it: the leg's direction, the switch's
    // name.
    if (key == "channel_data") {
        return read_channel_data(value, out);
    }
    if (key == "core-uuid") {
        return read_token(value, out.core_uuid);
    }
    if (key == "switchname") {
        return read_token(value, out.switchname);
    }
    return pass_over(value);
}

} // namespace

error_code read_freeswitch_tokens(ondemand::object& record, freeswitch_tokens& out) {
    for (auto each : record) {
        ondemand::field field;
        if (auto const error = std::move(each).get(field)) {
            return error;
        }

        // A repeated key is read again: "callflow" may occur once for each profile.
        std::string_view const key = key_of(field);
        if (auto const error = read_top_member(key, field.value(), out)) {
            return error;
        }
    }
    return SUCCESS;
}

} // namespace tally::ingest
