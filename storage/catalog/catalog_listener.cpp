#include "storage/catalog/catalog_listener.hpp"

namespace tally::storage {

catalog_listener::catalog_listener(std::string connection_string)
    : connection_(std::move(connection_string), "tallyd listener") {}

result catalog_listener::wait(int timeout_ms, bool& changed) {
    changed = false;
    if (result said = connection_.open(); !said.ok()) {
        return said;
    }
    if (listening_on_ != connection_.generation()) {
        result said = connection_.execute("LISTEN tally_catalog");
        if (said.ok()) {
            listening_on_ = connection_.generation();
            changed = true;
        }
        return said;
    }
    return connection_.wait_notified(timeout_ms, changed);
}

} // namespace tally::storage
