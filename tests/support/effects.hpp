#pragma once

#include <chrono>
#include <string>

namespace tally::tests {

/// Waits until no effect of a stored event waits to be applied. False: some still do after `limit`.
bool wait_for_effects(std::string const& connection_string,
                      std::chrono::seconds limit = std::chrono::seconds{20});

} // namespace tally::tests
