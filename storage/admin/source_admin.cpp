#include "storage/admin/source_admin.hpp"

#include "ingest/text/joined.hpp"

namespace tally::storage {

namespace {

/// The names of formats have no commas, so a comma can separate them.
std::string listed(std::vector<std::string> const& formats) {
    return ingest::joined(formats, ",");
}

std::vector<std::string> parted(std::string const& text) {
    std::vector<std::string> words;
    for (std::size_t begin = 0; begin < text.size();) {
        std::size_t const end = std::min(text.find(',', begin), text.size());
        words.push_back(text.substr(begin, end - begin));
        begin = end + 1;
    }
    return words;
}

source_row row_of(sql_row const& origin) {
    return {.name = origin.text(0),
            .time_zone = origin.text(1),
            .formats = parted(origin.text(2)),
            .b_legs = origin.text(3),
            .percent = origin.text(4),
            .number_rules = origin.text(5),
            .has_token = origin.boolean(6),
            .is_active = origin.boolean(7),
            .created_at = origin.text(8)};
}

} // namespace

bool source_admin::add(source_row const& row, std::optional<std::string> const& token_sha256) {
    // A name that exists is no error of the database: the caller says it in its own words.
    auto const added = session_.query(
        "INSERT INTO ingest.sources (name, time_zone, formats, b_legs, percent_decode, "
        "token_sha256, number_rules) VALUES ($1, $2, coalesce(string_to_array(nullif($3, ''), "
        "','), '{}'), "
        "$4::ingest.b_leg_policy, $5::ingest.percent_policy, decode($6, 'hex'), $7::jsonb) "
        "ON CONFLICT (name) DO NOTHING RETURNING id",
        {row.name, row.time_zone, listed(row.formats), row.b_legs, row.percent, token_sha256,
         row.number_rules});
    return !added.empty();
}

std::vector<source_row> source_admin::list() {
    std::vector<source_row> found;
    for (auto const& row : session_.query(
             "SELECT name, time_zone, array_to_string(formats, ','), b_legs, percent_decode, "
             "number_rules, token_sha256 IS NOT NULL, is_active, "
             "to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') "
             "FROM ingest.sources ORDER BY name")) {
        found.push_back(row_of(row));
    }
    return found;
}

bool source_admin::set_token(std::string const& name, std::string const& token_sha256) {
    // Without a row there is no source of that name.
    return !session_
                .query("UPDATE ingest.sources SET token_sha256 = decode($2, 'hex') "
                       "WHERE name = $1 RETURNING id",
                       {name, token_sha256})
                .empty();
}

std::optional<std::string> source_admin::number_rules(std::string const& name) {
    return session_.query_value("SELECT number_rules FROM ingest.sources WHERE name = $1", {name});
}

bool source_admin::set_number_rules(std::string const& name, std::string const& json) {
    return !session_
                .query("UPDATE ingest.sources SET number_rules = $2::jsonb WHERE name = $1 "
                       "RETURNING id",
                       {name, json})
                .empty();
}

bool source_admin::set_active(std::string const& name, bool is_active) {
    return !session_
                .query("UPDATE ingest.sources SET is_active = $2::boolean WHERE name = $1 "
                       "RETURNING id",
                       {name, is_active ? "true" : "false"})
                .empty();
}

} // namespace tally::storage
