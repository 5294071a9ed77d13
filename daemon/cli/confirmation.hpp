#pragma once

#include <string>

namespace tally::daemon {

/// Whether a command that destroys something may do so: at once with `yes` (its flag --yes), else
/// when the person at the terminal answers so. `question` says what is destroyed and where, without
/// the question mark. Without a terminal, and when the answer is not yes, this says why nothing
/// happens and is false. Standard error.
bool is_confirmed(bool yes, std::string const& question);

} // namespace tally::daemon
