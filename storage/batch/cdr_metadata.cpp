#include "storage/batch/cdr_metadata.hpp"

#include "storage/postgres/wire_format.hpp"

namespace tally::storage {

namespace {

constexpr char jsonb_version = 1;
constexpr std::string_view caller_member = R"("sent_caller_id":")";
constexpr std::string_view destination_member = R"("sent_destination":")";
/// Field length, jsonb version, braces, and the text around two members.
constexpr std::size_t frame_bytes =
    4 + 1 + 2 + caller_member.size() + destination_member.size() + 4;
/// Of one character, as in \u001f.
constexpr std::size_t escape_bytes_max = 6;

char* put_escaped(char* cursor, std::string_view text) noexcept {
    constexpr std::string_view hex = "0123456789abcdef";
    for (char const c : text) {
        if (c == '"' || c == '\\') {
            *cursor++ = '\\';
            *cursor++ = c;
        } else if (static_cast<unsigned char>(c) < 0x20) {
            cursor = wire::put_bytes(cursor, "\\u00");
            *cursor++ = hex[static_cast<unsigned char>(c) >> 4];
            *cursor++ = hex[static_cast<unsigned char>(c) & 15];
        } else {
            *cursor++ = c;
        }
    }
    return cursor;
}

/// A string member and a comma; nothing if the text is empty.
char* put_member(char* cursor, std::string_view opening, std::string_view text) noexcept {
    if (text.empty()) {
        return cursor;
    }
    cursor = put_escaped(wire::put_bytes(cursor, opening), text);
    return wire::put_bytes(cursor, "\",");
}

/// What follows the opening brace of a JSON object, without leading blanks.
std::string_view behind_brace(std::string_view object) noexcept {
    auto const first = object.find_first_not_of(" \t\r\n", 1);
    return first == std::string_view::npos ? "}" : object.substr(first);
}

} // namespace

std::size_t metadata_bytes_max(ingest::cdr const& call) noexcept {
    return frame_bytes + call.metadata.size() +
           escape_bytes_max * (call.sent_caller_id.size() + call.sent_destination.size());
}

char* put_metadata_field(char* cursor, ingest::cdr const& call) noexcept {
    bool const has_sent = !call.sent_caller_id.empty() || !call.sent_destination.empty();
    if (call.metadata.empty() && !has_sent) {
        return wire::put_null(cursor);
    }

    // The field's length is known at the end; four bytes are reserved for it.
    char* const begin = cursor;
    cursor = begin + 4;
    *cursor++ = jsonb_version;
    if (!has_sent) {
        cursor = wire::put_bytes(cursor, call.metadata);
    } else {
        *cursor++ = '{';
        cursor = put_member(cursor, caller_member, call.sent_caller_id);
        cursor = put_member(cursor, destination_member, call.sent_destination);
        auto const rest = behind_brace(call.metadata);
        if (rest.starts_with('}')) {
            --cursor; // no member follows: overwrite the last comma
        }
        cursor = wire::put_bytes(cursor, rest);
    }

    wire::put_int32(begin, static_cast<std::int32_t>(cursor - begin - 4));
    return cursor;
}

} // namespace tally::storage
