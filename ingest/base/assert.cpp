#include "ingest/base/assert.hpp"

#include <cstdio>
#include <cstdlib>

namespace tally::ingest {

void fail_assertion(char const* file, int line, char const* expression, char const* text) noexcept {
    // The base knows no logger. abort() runs no destructors, which would work with the broken
    // state.
    std::fprintf(stderr, "%s:%d: %s: %s does not hold\n", file, line, text, expression);
    std::abort();
}

} // namespace tally::ingest
