#pragma once

#include <cstdint>
#include <string_view>

namespace tally::fuzz {

/// Decodes `input` as a format's push and as its stream in two pieces, and aborts when something
/// does not hold that holds for every input: places without gaps, views inside the batch, valid
/// text, calls in order of time, and for a framed format the same calls wherever it is cut.
void check_decoder(std::string_view format, std::string_view input);

} // namespace tally::fuzz
