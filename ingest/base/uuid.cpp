#include "ingest/base/uuid.hpp"

#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <stdexcept>

namespace tally::ingest {
namespace {

constexpr std::size_t text_length = 36;

constexpr std::uint8_t no_digit = 0xff;

/// The values of all characters as hex digits.
constexpr auto hex_values = [] {
    std::array<std::uint8_t, 256> values{};
    values.fill(no_digit);
    for (std::uint8_t digit = 0; digit < 10; ++digit) {
        values['0' + digit] = digit;
    }
    for (std::uint8_t digit = 10; digit < 16; ++digit) {
        values['a' + digit - 10] = digit;
        values['A' + digit - 10] = digit;
    }
    return values;
}();

// RFC 9562 section 4: 8-4-4-4-12 digits.
constexpr bool is_dash_index(std::size_t index) noexcept {
    return index == 8 || index == 13 || index == 18 || index == 23;
}

/// RFC 9562 section 4: the variant's two bits and the version's four.
void mark_version(uuid& id, std::uint8_t version) noexcept {
    id.bytes[6] = static_cast<std::uint8_t>((id.bytes[6] & 0x0f) | (version << 4));
    id.bytes[8] = static_cast<std::uint8_t>((id.bytes[8] & 0x3f) | 0x80);
}

/// SHA-1 with a context that is reused: creating one costs more than the digest of a call id.
class sha1_digest {
  public:
    sha1_digest() {
        if (method_ == nullptr || context_ == nullptr) {
            throw std::runtime_error("libcrypto has no SHA-1");
        }
    }

    std::array<unsigned char, EVP_MAX_MD_SIZE> of(std::array<std::uint8_t, 16> const& first,
                                                  std::string_view second) noexcept {
        std::array<unsigned char, EVP_MAX_MD_SIZE> sum{};
        bool const ok = EVP_DigestInit_ex2(context_.get(), method_.get(), nullptr) == 1 &&
                        EVP_DigestUpdate(context_.get(), first.data(), first.size()) == 1 &&
                        EVP_DigestUpdate(context_.get(), second.data(), second.size()) == 1 &&
                        EVP_DigestFinal_ex(context_.get(), sum.data(), nullptr) == 1;
        if (!ok) {
            std::abort(); // a wrong digest would give many calls the same key
        }
        return sum;
    }

  private:
    std::unique_ptr<EVP_MD, void (*)(EVP_MD*)> method_{EVP_MD_fetch(nullptr, "SHA1", nullptr),
                                                       EVP_MD_free};
    std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context_{EVP_MD_CTX_new(), EVP_MD_CTX_free};
};

} // namespace

std::optional<uuid> parse_uuid(std::string_view text) noexcept {
    if (text.size() != text_length) {
        return std::nullopt;
    }
    if (text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-') {
        return std::nullopt;
    }

    // Two hex digits a byte. Whether all were digits is asked once: a key is read for every record.
    static constexpr std::array<std::uint8_t, 16> positions{0,  2,  4,  6,  9,  11, 14, 16,
                                                            19, 21, 24, 26, 28, 30, 32, 34};
    uuid id;
    unsigned seen = 0;
    for (std::size_t byte = 0; byte < positions.size(); ++byte) {
        unsigned const high = hex_values[static_cast<unsigned char>(text[positions[byte]])];
        unsigned const low = hex_values[static_cast<unsigned char>(text[positions[byte] + 1U])];
        seen |= high | low;
        id.bytes[byte] = static_cast<std::uint8_t>(high * 16 + low);
    }
    return seen < 16 ? std::optional{id} : std::nullopt;
}

void append_text(uuid const& id, std::string& out) {
    static constexpr char digits[] = "0123456789abcdef";
    std::size_t const begin = out.size();
    for (std::uint8_t const byte : id.bytes) {
        if (is_dash_index(out.size() - begin)) {
            out += '-';
        }
        out += digits[byte >> 4];
        out += digits[byte & 0x0f];
    }
}

std::string to_string(uuid const& id) {
    std::string text;
    text.reserve(text_length);
    append_text(id, text);
    return text;
}

uuid uuid_v5(uuid const& uuid_namespace, std::string_view name) noexcept {
    // RFC 9562 section 5.5: the first 16 of SHA-1's 20 bytes, with the version written over them.
    thread_local sha1_digest digest;
    auto const sum = digest.of(uuid_namespace.bytes, name);
    uuid id;
    std::copy_n(sum.begin(), id.bytes.size(), id.bytes.begin());
    mark_version(id, 5);
    return id;
}

#ifndef TALLY_SIMULATION // there, ids follow from the seed
uuid uuid_v7() {
    uuid id;
    if (RAND_bytes(id.bytes.data(), static_cast<int>(id.bytes.size())) != 1) {
        throw std::runtime_error("the system gives no random bytes");
    }

    // The first 48 bits are the time, so that ids sort in the order in which they were made.
    auto const now = std::chrono::system_clock::now().time_since_epoch();
    auto const ms = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
    for (std::size_t index = 0; index < 6; ++index) {
        id.bytes[index] = static_cast<std::uint8_t>(ms >> (40 - 8 * index));
    }
    mark_version(id, 7);
    return id;
}
#endif

} // namespace tally::ingest
