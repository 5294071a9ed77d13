#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace tally::ingest {

/// The member `name` of a JSON object, as JSON text without insignificant blanks ("\"de\"", "12",
/// "[1,2]"); of a repeated name the last one. nullopt: absent, or null. `object` is a valid object,
/// as append_json_value writes it. Copies the object: meant for the few records whose rules ask for
/// a property.
std::optional<std::string> json_member(std::string_view object, std::string_view name);

} // namespace tally::ingest
