#pragma once

namespace tally::ingest {

/// Prints `file:line: text: expression does not hold` to standard error and aborts.
[[noreturn]] void fail_assertion(char const* file, int line, char const* expression,
                                 char const* text) noexcept;

} // namespace tally::ingest

/// Aborts if the condition does not hold, in release builds as well: a daemon that goes on with a
/// broken invariant may store wrong amounts, while one that ends is started again and replays its
/// journal. For mistakes of the program only, never for input. `text` says what is wrong. The
/// condition is always evaluated, so keep it cheap.
#define TALLY_ASSERT(condition, text)                                                              \
    (static_cast<bool>(condition)                                                                  \
         ? static_cast<void>(0)                                                                    \
         : ::tally::ingest::fail_assertion(__FILE__, __LINE__, #condition, text))
