#pragma once

#include <cstdint>
#include <string_view>

namespace tally::fuzz {

/// Decodes `input` as a push of a format, and as its stream in two pieces. Aborts when a property
/// of every input does not hold: record numbers without gaps, views inside the batch, valid text,
/// calls in order of time, and, for a framed format, the same calls wherever the input is cut.
void check_decoder(std::string_view format, std::string_view input);

} // namespace tally::fuzz
