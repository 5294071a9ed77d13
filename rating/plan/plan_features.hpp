#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace tally::rating {

/// A plan's features (a JSON object) in the one form that compares by content: without blanks, keys
/// sorted, the last of equal keys; "" for an object without keys or no text. nullopt when it is no
/// object, deeper than 64, or holds what jsonb does not take.
std::optional<std::string> canonical_features(std::string_view json);

/// Canonical features as the value of `features` in a plan file: an inline table, or the JSON as
/// text where TOML has no such value (null, numbers over 2^63).
std::string features_as_toml(std::string_view canonical);

/// `text` as a TOML basic string, with its quotes.
std::string toml_string(std::string_view text);

} // namespace tally::rating
