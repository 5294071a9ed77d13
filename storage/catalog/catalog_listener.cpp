#include "storage/catalog/catalog_listener.hpp"

namespace tally::storage {

catalog_listener::catalog_listener(std::string connection_string)
    : connection_(std::move(connection_string), "tallyd listener") {}

result catalog_listener::wait(int timeout_ms, bool& changed) {
    changed = false;
    if (result status = connection_.open(); !status.ok()) {
        return status;
    }
    // LISTEN belongs to the session. What was sent while there was none is lost, so a new session
    // counts as a change.
    if (listening_on_ != connection_.generation()) {
        result outcome = connection_.execute("LISTEN tally_catalog");
        if (outcome.ok()) {
            listening_on_ = connection_.generation();
            changed = true;
        }
        return outcome;
    }

    return connection_.wait_notified(timeout_ms, changed);
}

} // namespace tally::storage
