#pragma once

#include "ingest/record/cdr.hpp"
#include "storage/postgres/pq_connection.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace tally::storage {

/// Selects rows of ingest.suspense. A member that is empty, nil or never_us selects all.
struct suspense_filter {
    std::vector<ingest::uuid> ids;
    std::vector<std::string> reasons; ///< codes, also such that only another version knows
    ingest::uuid source_id;           ///< nil: any
    std::string format;
    ingest::time_us since = ingest::never_us; ///< of received_at
    ingest::time_us until = ingest::never_us; ///< exclusive
    std::string state;                        ///< label of ingest.suspense_state

    friend bool operator==(suspense_filter const&, suspense_filter const&) = default;
};

/// A filter as an SQL condition and its parameters. Views the filter; must live until the statement
/// is sent.
class suspense_condition {
  public:
    explicit suspense_condition(suspense_filter const& filter);

    /// The condition on the table with alias "s", with the parameters $1 to $7.
    static constexpr std::string_view sql =
        "($1::uuid[] IS NULL OR s.id = ANY($1::uuid[]))"
        " AND ($2::text[] IS NULL OR s.reason = ANY($2::text[]))"
        " AND ($3::uuid IS NULL OR s.source_id = $3::uuid)"
        " AND ($4::text IS NULL OR s.format = $4::text)"
        " AND ($5::timestamptz IS NULL OR s.received_at >= $5::timestamptz)"
        " AND ($6::timestamptz IS NULL OR s.received_at < $6::timestamptz)"
        " AND ($7::text IS NULL OR s.state = $7::text::ingest.suspense_state)";

    /// Adds the seven parameters; they must be the first of the statement.
    parameters& add_to(parameters& values);

  private:
    suspense_filter const& filter_;
    array_parameter ids_;
    array_parameter reasons_;
};

} // namespace tally::storage
