#include "config/version.hpp"

namespace tally::config {

std::string_view version() noexcept {
    return TALLY_VERSION;
}

} // namespace tally::config
