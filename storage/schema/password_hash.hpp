#pragma once

#include <string>

namespace tally::storage {

/// bcrypt of cost 12 with a new salt, as crypt(3) writes it ("$2b$12$..."). Throws
/// std::runtime_error when the system's libcrypt has no bcrypt. About a quarter of a second.
std::string bcrypt_hash(std::string const& password);

/// Whether the hash is of this password.
bool bcrypt_matches(std::string const& password, std::string const& hash);

/// 24 random letters and digits (142 bits), none of which look alike.
std::string random_password();

} // namespace tally::storage
