#include "storage/schema/password_hash.hpp"
#include "storage/postgres/command_error.hpp"

#include <array>
#include <crypt.h>
#include <cstdlib>
#include <memory>
#include <openssl/rand.h>
#include <string_view>

namespace tally::storage {
namespace {

// 2^12 rounds, about a quarter of a second: slow for a thief who guesses, bearable at a login.
constexpr unsigned long bcrypt_cost = 12;

std::string crypt_text(std::string const& password, std::string const& setting) {
    auto const data = std::make_unique<crypt_data>(); // 32 KiB
    // libcrypt reports an unknown method by a null pointer or by a text that begins with '*'.
    char const* hash = crypt_r(password.c_str(), setting.c_str(), data.get());
    return hash != nullptr && hash[0] != '*' ? hash : "";
}

} // namespace

std::string bcrypt_hash(std::string const& password) {
    // Without random bytes from us libcrypt takes them from the kernel.
    std::unique_ptr<char, decltype(&std::free)> const salt{
        crypt_gensalt_ra("$2b$", bcrypt_cost, nullptr, 0), &std::free};
    std::string hash = salt != nullptr ? crypt_text(password, salt.get()) : "";
    if (hash.empty()) {
        throw command_error{"the system's libcrypt cannot make bcrypt hashes"};
    }
    return hash;
}

bool bcrypt_matches(std::string const& password, std::string const& hash) {
    // A hash contains its own setting, so hashing with it as setting gives it back.
    return !hash.empty() && crypt_text(password, hash) == hash;
}

std::string random_password() {
    constexpr std::string_view letters =
        "23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"; // 57
    std::string password;
    while (password.size() < 24) {
        std::array<unsigned char, 64> bytes{};
        if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) {
            throw command_error{"no random bytes for a password"};
        }

        // Only 228 = 4 * 57 byte values are used, so that every character is equally likely.
        for (unsigned char byte : bytes) {
            if (byte < 4 * letters.size() && password.size() < 24) {
                password += letters[byte % letters.size()];
            }
        }
    }
    return password;
}

} // namespace tally::storage
