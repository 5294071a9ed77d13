#include "ingest/json/error.hpp"

#include <simdjson.h>

namespace tally::ingest {

record_error json_error(int simdjson_error) noexcept {
    // CAPACITY and MEMALLOC are this machine's limits, not faults of the text.
    switch (simdjson_error) {
    case simdjson::SUCCESS:
        return record_error::none;
    case simdjson::INCORRECT_TYPE:
        return record_error::not_an_object;
    case simdjson::DEPTH_ERROR:
        return record_error::too_deep;
    case simdjson::CAPACITY:
    case simdjson::MEMALLOC:
        return record_error::record_too_large;
    default:
        return record_error::not_json;
    }
}

} // namespace tally::ingest
