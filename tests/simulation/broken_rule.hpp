#pragma once

#include <stdexcept>

namespace tally::simulation {

/// A rule of the simulation that did not hold.
class broken_rule : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

} // namespace tally::simulation
