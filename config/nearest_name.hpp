#pragma once

#include <span>
#include <string>
#include <string_view>

namespace tally::config {

/// The candidate that is nearest to a mistyped name; empty when none is near. Near means at most
/// one edit (insert, delete, replace, swap) per three characters. Used for "did you mean" messages.
std::string_view nearest_name(std::string_view mistyped,
                              std::span<std::string_view const> candidates);

} // namespace tally::config
