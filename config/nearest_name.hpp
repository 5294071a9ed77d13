#pragma once

#include <span>
#include <string>
#include <string_view>

namespace tally::config {

/// The candidate that a mistyped name most likely meant, or empty when none is near: at most one
/// edit (insert, delete, replace, swap) per three characters. For "did you mean" in messages.
std::string_view nearest_name(std::string_view mistyped,
                              std::span<const std::string_view> candidates);

} // namespace tally::config
