#pragma once

#include <string_view>

namespace tally::config {

/// "0.1.0": the project's version in CMakeLists.txt.
std::string_view version() noexcept;

} // namespace tally::config
