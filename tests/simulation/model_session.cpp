#include "tests/simulation/model_server.hpp"

namespace tally::simulation {

namespace {

storage::result transient(char const* detail) {
    return {storage::failure::transient, "08006", detail};
}

} // namespace

storage::result model_session::begin() {
    faults_.interleave();
    bool const was_open = epoch_ != 0;
    if (was_open && (!is_alive() || server_.is_down || faults_.chance(faults_.disconnect))) {
        epoch_ = 0;
        return transient("the connection is lost");
    }
    if (was_open) {
        return {};
    }
    if (is_pinned || server_.is_down) {
        return transient(is_pinned ? "connection lost within a transaction" : "no connection");
    }
    epoch_ = server_.epoch();
    ++generation_;
    return {};
}

} // namespace tally::simulation
