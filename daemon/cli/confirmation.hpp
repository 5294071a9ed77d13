#pragma once

#include <string>

namespace tally::daemon {

/// Asks whether a destructive command may run. True without a question when `yes` is set (the flag
/// --yes), or when the operator at the terminal answers yes. `question` names what is destroyed and
/// where, without the question mark. Otherwise, and when standard input is not a terminal, prints
/// why nothing is changed and returns false. Writes to standard error.
bool is_confirmed(bool yes, std::string const& question);

} // namespace tally::daemon
