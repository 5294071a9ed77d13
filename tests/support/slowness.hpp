#pragma once

namespace tally::tests {

/// How much slower the tests run than in a usual build: a sanitizer multiplies the time of every
/// step, so a limit for something that may hang is multiplied as well. It costs nothing in a test
/// that passes.
#if defined(__SANITIZE_THREAD__)
inline constexpr int slowness = 10;
#elif defined(__SANITIZE_ADDRESS__)
inline constexpr int slowness = 4;
#else
inline constexpr int slowness = 1;
#endif

} // namespace tally::tests
