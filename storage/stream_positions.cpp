#include "storage/stream_positions.hpp"

namespace tally::storage {

std::uint64_t lowest_position(pqxx_session& on, std::string const& stream, std::uint32_t lanes) {
    auto const found =
        on.query_value("SELECT CASE WHEN count(*) = $2::bigint THEN min(position) ELSE 0 END"
                       " FROM ingest.positions WHERE stream = $1",
                       {stream, std::to_string(lanes)});
    return found ? std::stoull(*found) : 0;
}

void forget_stream(pqxx_session& on, std::string const& stream) {
    on.query("DELETE FROM ingest.positions WHERE stream = $1", {stream});
}

} // namespace tally::storage
