#include "tests/fuzz/decoder_fuzz.hpp"

#include <cstddef>

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    tally::fuzz::check_decoder("cloudevents", {reinterpret_cast<char const*>(data), size});
    return 0;
}
