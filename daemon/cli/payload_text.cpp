#include "daemon/cli/payload_text.hpp"

#include "ingest/json/utf8_text.hpp"

#include <openssl/evp.h>

namespace tally::daemon {

namespace {

std::string base64(std::string_view bytes) {
    // The cast to int is safe: a record's size is limited by its source, far below INT_MAX.
    std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');
    int const size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                     reinterpret_cast<unsigned char const*>(bytes.data()),
                                     static_cast<int>(bytes.size()));
    text.resize(static_cast<std::size_t>(size));
    return text;
}

/// Length of the printable character at the beginning of `text`; 0: the first byte is not
/// printable.
std::size_t character_bytes(std::string_view text) noexcept {
    auto const first = static_cast<unsigned char>(text.front());
    if (first < 0x80) {
        bool const is_shown = (first >= 0x20 && first != 0x7f) || first == '\n' || first == '\t';
        return is_shown ? 1 : 0;
    }

    // The shortest valid prefix is one character: no encoding of UTF-8 begins with another.
    for (std::size_t length = 2; length <= 4 && length <= text.size(); ++length) {
        if (ingest::is_valid_utf8(text.substr(0, length))) {
            // U+0080 to U+009F are control characters, too; some terminals act on them.
            return first == 0xc2 && static_cast<unsigned char>(text[1]) < 0xa0 ? 0 : length;
        }
    }
    return 0;
}

} // namespace

void add_payload(ingest::json_writer& writer, std::string_view key, std::string_view bytes) {
    // JSON cannot hold other bytes, and the original ones must come back exactly.
    if (ingest::is_valid_utf8(bytes)) {
        writer.key(key).value(bytes);
    } else {
        writer.key(std::string{key} + "_base64").value(base64(bytes));
    }
}

std::string readable(std::string_view bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text;
    text.reserve(bytes.size());
    while (!bytes.empty()) {
        auto const length = character_bytes(bytes);
        if (length == 0) {
            auto const byte = static_cast<unsigned char>(bytes.front());
            text += {'\\', 'x', digits[byte >> 4U], digits[byte & 15U]};
        } else {
            text += bytes.substr(0, length);
        }
        bytes.remove_prefix(length == 0 ? 1 : length);
    }
    return text;
}

} // namespace tally::daemon
