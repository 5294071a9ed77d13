#pragma once

#include "ingest/record/format.hpp"

#include <span>
#include <string_view>

namespace tally::ingest {

/// Every format there is. A new one is a row here, a decoder, a test, a fuzz target and a sample.
std::span<format const> formats() noexcept;

/// nullptr when there is none of that name.
format const* find_format(std::string_view name) noexcept;

} // namespace tally::ingest
