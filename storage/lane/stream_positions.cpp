#include "storage/lane/stream_positions.hpp"

namespace tally::storage {

namespace {

constexpr std::string_view reach_prefix = "reach:";

/// Rows of a stream, for any number of lanes: its name, a colon, the number.
constexpr char const* rows_of_stream =
    " FROM ingest.positions WHERE (starts_with(stream, $1) AND substr(stream, length($1) + 1) ~"
    " '^[0-9]+$') OR (starts_with(stream, $2) AND substr(stream, length($2) + 1) ~ '^[0-9]+$')";

std::vector<sql_value> names_of(std::string_view stream) {
    std::string const name = std::string{stream} + ":";
    return {name, reach_of(name)};
}

} // namespace

std::string dealt_stream(std::string_view stream, std::uint32_t lanes) {
    return std::string{stream} + ":" + std::to_string(lanes);
}

std::string reach_of(std::string_view dealt) {
    return dealt.starts_with(reach_prefix) ? std::string{dealt}
                                           : std::string{reach_prefix} + std::string{dealt};
}

stream_progress progress_of(pqxx_session& session, std::string_view stream) {
    // A position counts for stored_below only if every lane has a row: the missing lane's is 0.
    auto const rows = session.query(
        std::string{"SELECT coalesce(max(lowest), 0), coalesce(max(highest), 0) FROM ("
                    "SELECT CASE WHEN NOT starts_with(stream, 'reach:') AND count(*) ="
                    " max(lanes) THEN min(position) END AS lowest,"
                    " max(position) AS highest"} +
            rows_of_stream + " GROUP BY stream) AS dealt",
        names_of(stream));
    return {std::stoull(*rows[0][0]), std::stoull(*rows[0][1])};
}

void forget_stream(pqxx_session& session, std::string_view stream) {
    session.query(std::string{"DELETE"} + rows_of_stream, names_of(stream));
}

} // namespace tally::storage
