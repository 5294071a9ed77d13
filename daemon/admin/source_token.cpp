#include "daemon/admin/source_token.hpp"

#include "ingest/file/input.hpp"
#include "ingest/record/source.hpp"
#include "storage/postgres/command_error.hpp"

#include <openssl/evp.h>
#include <openssl/rand.h>

#include <array>

namespace tally::daemon {

std::string new_source_token() {
    // 256 bits: a token cannot be guessed, so a plain digest of it is enough in the database.
    std::array<unsigned char, 32> random{};
    if (RAND_bytes(random.data(), static_cast<int>(random.size())) != 1) {
        throw storage::command_error("no random bytes for a token");
    }
    std::array<unsigned char, 48> text{}; // 44 characters and a final zero
    int const size = EVP_EncodeBlock(text.data(), random.data(), static_cast<int>(random.size()));
    std::string token(text.data(), text.data() + size);

    // base64 to base64url: two other letters, no padding.
    for (char& c : token) {
        c = c == '+' ? '-' : (c == '/' ? '_' : c);
    }
    token.erase(token.find('='));
    return token;
}

std::string token_sha256_hex(std::string_view token) {
    return ingest::to_hex(ingest::token_digest(token));
}

} // namespace tally::daemon
