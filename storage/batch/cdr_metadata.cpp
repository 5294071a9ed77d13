#include "storage/batch/cdr_metadata.hpp"

namespace tally::storage {

namespace {

// The byte before the text of a jsonb value in binary form (jsonb_recv knows only version 1).
constexpr char jsonb_version = 1;

/// Counts what would be written.
struct byte_counter {
    std::size_t bytes = 0;
    void put(std::string_view text) noexcept { bytes += text.size(); }
};

struct byte_writer {
    char* cursor;
    void put(std::string_view text) noexcept { cursor = wire::put_bytes(cursor, text); }
};

template <typename Output>
void write_escaped(Output& out, std::string_view text) noexcept {
    // JSON allows neither quotes nor control characters in a string; bytes from 0x80 on are UTF-8
    // that the decoder has checked.
    constexpr std::string_view hex = "0123456789abcdef";

    for (char const& c : text) {
        auto const code = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            out.put("\\");
            out.put({&c, 1});
        } else if (code < 0x20) {
            out.put("\\u00");
            out.put(hex.substr(code >> 4, 1));
            out.put(hex.substr(code & 15, 1));
        } else {
            out.put({&c, 1});
        }
    }
}

/// The members of a JSON object and its closing brace, without leading blanks.
std::string_view members_of(std::string_view object) noexcept {
    auto const first = object.find_first_not_of(" \t\r\n", 1);
    return first == std::string_view::npos ? "}" : object.substr(first);
}

/// Writes the JSON object. Length and bytes of the field come from this one function.
template <typename Output>
void write_object(Output& out, ingest::cdr const& call) noexcept {
    std::string_view separator = "{";
    auto const write_number = [&](std::string_view name, std::string_view number) {
        if (!number.empty()) {
            out.put(separator);
            out.put(name);
            write_escaped(out, number);
            out.put("\"");
            separator = ",";
        }
    };

    // Numbers as the switch sent them, if the number rules changed them: they decide whether a
    // repeated call has the same content (R6).
    write_number(R"("sent_caller_id":")", call.sent_caller_id);
    write_number(R"("sent_destination":")", call.sent_destination);

    // The decoder's object goes on after the two members, so its brace is left out and its end is
    // kept.
    auto const members = call.metadata.empty() ? "}" : members_of(call.metadata);
    if (!members.starts_with('}')) {
        out.put(separator);
    }
    out.put(members);
}

} // namespace

std::size_t sent_object_bytes(ingest::cdr const& call) noexcept {
    byte_counter counter;
    write_object(counter, call);
    return counter.bytes;
}

char* put_sent_object(char* out, ingest::cdr const& call) noexcept {
    // The length comes before the bytes, so the object is written twice: once to be counted.
    auto const bytes = sizeof jsonb_version + sent_object_bytes(call);
    out = wire::put_int32(out, static_cast<std::int32_t>(bytes));
    *out++ = jsonb_version;
    byte_writer writer{out};
    write_object(writer, call);
    return writer.cursor;
}

} // namespace tally::storage
