#include "storage/catalog/listener.hpp"

namespace tally::storage {

catalog_listener::catalog_listener(std::string connection_string)
    : connection_(std::move(connection_string), "tallyd listener") {}

expected<bool> catalog_listener::wait(int timeout_ms) {
    if (result status = connection_.open(); !status.ok()) {
        return status;
    }
    // LISTEN belongs to the session. What was sent while there was none is lost, so a new session
    // counts as a change.
    if (listening_on_ != connection_.generation()) {
        result outcome = connection_.execute("LISTEN tally_catalog");
        if (!outcome.ok()) {
            return outcome;
        }
        listening_on_ = connection_.generation();
        return true;
    }

    return connection_.wait_notified(timeout_ms);
}

} // namespace tally::storage
