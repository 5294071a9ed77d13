#pragma once

#include <string>

namespace tally::daemon {

/// Who runs this command, for the record of what was changed about money: the user behind sudo,
/// else the user of the process.
std::string operator_name();

} // namespace tally::daemon
