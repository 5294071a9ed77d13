#pragma once

#include <string>
#include <string_view>

namespace tally::daemon {

/// A new bearer token: 32 random bytes in base64url (RFC 4648 section 5) without padding, 43
/// characters. Throws storage::command_error when the system gives no random bytes.
std::string new_source_token();

/// The SHA-256 of a token in hexadecimal. The database stores this instead of the token.
std::string token_sha256_hex(std::string_view token);

} // namespace tally::daemon
