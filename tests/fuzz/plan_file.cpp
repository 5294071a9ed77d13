#include "tests/fuzz/plan_fuzz.hpp"

#include <cstddef>
#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    tally::fuzz::check_plan({reinterpret_cast<char const*>(data), size},
                            "prefix,price,increments\n33,0.5,60/6\n");
    return 0;
}
