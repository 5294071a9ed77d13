#pragma once

// The settings with which config/ compiles toml++. Only .cpp files of config/ include this header.
//
// If toml++ is compiled into the program (no shared library), version 3.3 fails an assertion on
// some broken files, such as "[[\n\u0000", though its error handling covers them. A settings file
// must not abort the program, so the assertions are off.
#ifndef TOML_ASSERT
#define TOML_ASSERT(expression) static_assert(true)
#endif

#include <toml++/toml.h>
