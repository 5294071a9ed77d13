#pragma once

// toml++ as config/ uses it; included by its .cpp files only.
//
// Where it is compiled into us (no shared library), version 3.3 asserts on some broken files, such
// as "[[\n\u0000", and its own error handling would have coped. A settings file must not abort us.
#ifndef TOML_ASSERT
#define TOML_ASSERT(expression) static_assert(true)
#endif

#include <toml++/toml.h>
