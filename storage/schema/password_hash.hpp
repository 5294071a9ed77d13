#pragma once

#include <string>

namespace tally::storage {

/// bcrypt hash with cost 12 and a new salt, in the form of crypt(3) ("$2b$12$..."). Takes about a
/// quarter of a second. Throws command_error if the system's libcrypt has no bcrypt.
std::string bcrypt_hash(std::string const& password);

/// Whether the hash is of this password.
bool bcrypt_matches(std::string const& password, std::string const& hash);

/// 24 random letters and digits (142 bits), without characters that look alike.
std::string random_password();

} // namespace tally::storage
