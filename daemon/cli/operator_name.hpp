#pragma once

#include <string>

namespace tally::daemon {

/// The name of the user who runs this command, for the audit rows of changes to charges: the user
/// who called sudo, else the user of the process.
std::string operator_name();

} // namespace tally::daemon
