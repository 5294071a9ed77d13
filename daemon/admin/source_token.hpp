#pragma once

#include <string>
#include <string_view>

namespace tally::daemon {

/// A new bearer token: 32 random bytes in base64url (RFC 4648 section 5) without padding, 43
/// characters. Throws std::runtime_error when the system has no randomness.
std::string new_source_token();

/// What is stored of a token: its SHA-256 in hexadecimal.
std::string token_sha256_hex(std::string_view token);

} // namespace tally::daemon
