#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace tally::ingest {

/// The member of that name of a JSON object, as its text stands there without insignificant blanks
/// ("\"de\"", "12", "[1,2]"); of a repeated name the last. nullopt: the object has none, or null.
/// `object` is a valid object, as append_json_value writes it. For the few records whose rules ask
/// for a property; it copies.
std::optional<std::string> json_member(std::string_view object, std::string_view name);

} // namespace tally::ingest
