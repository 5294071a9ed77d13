#include "tests/fuzz/plan_fuzz.hpp"

#include <cstddef>
#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    constexpr auto plan = "[plan]\ncode = \"fuzz\"\ntimezone = \"Asia/Kolkata\"\n"
                          "[[band]]\nname = \"peak\"\n[[deck]]\nfile = \"deck.csv\"\n";
    tally::fuzz::check_plan(plan, {reinterpret_cast<char const*>(data), size});
    return 0;
}
