#include "daemon/cli/operator_name.hpp"

#include <pwd.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

namespace tally::daemon {

/// Behind sudo the user of the process is root for everyone.
std::string operator_name() {
    if (char const* const behind_sudo = std::getenv("SUDO_USER");
        behind_sudo != nullptr && *behind_sudo != '\0') {
        return behind_sudo;
    }

    // Asked from the system, not from $USER, which anyone can set: the name is kept for audits.
    std::array<char, 4096> text{};
    passwd entry{};
    passwd* found = nullptr;
    if (::getpwuid_r(::getuid(), &entry, text.data(), text.size(), &found) == 0 &&
        found != nullptr && found->pw_name != nullptr) {
        return found->pw_name;
    }
    return "uid " + std::to_string(::getuid());
}

} // namespace tally::daemon
