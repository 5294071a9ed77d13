#include "daemon/cli/confirmation.hpp"

#include <unistd.h>

#include <iostream>

namespace tally::daemon {

bool is_confirmed(bool yes, std::string const& question) {
    if (yes) {
        return true;
    }

    // A script must not answer the question by accident, so it has to pass --yes.
    if (::isatty(STDIN_FILENO) != 1) {
        std::cerr << question
                  << "\ntallyd: standard input is not a terminal; pass --yes to confirm; "
                     "nothing was changed\n";
        return false;
    }

    // On standard error, so that the output of the command can be piped meanwhile. No is the
    // default.
    std::cerr << question << "? [y/N] ";
    std::string answer;
    std::getline(std::cin, answer);
    if (answer == "y" || answer == "Y" || answer == "yes") {
        return true;
    }
    std::cerr << "tallyd: nothing was changed\n";
    return false;
}

} // namespace tally::daemon
