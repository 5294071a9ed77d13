#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace tally::rating {

/// A plan's features (a JSON object) in a canonical form, so that equal content gives equal text:
/// without blanks, keys sorted, the last of equal keys kept; "" for an object without keys and for
/// no text. nullopt for text that is not an object, is nested deeper than 64, or has content that
/// jsonb rejects.
std::optional<std::string> canonical_features(std::string_view json);

/// Canonical features as the value of "features" in a plan file: an inline table, or the JSON as
/// text if TOML cannot express a value (null, numbers above 2^63).
std::string features_as_toml(std::string_view canonical);

/// `text` as a TOML basic string, with its quotes.
std::string toml_string(std::string_view text);

} // namespace tally::rating
