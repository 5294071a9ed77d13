#pragma once

#include "ingest/decode/decoder_tools.hpp"
#include "ingest/decode/json_input.hpp"
#include "ingest/record/source.hpp"

// Included by .cpp files only: brings simdjson along.

namespace tally::ingest {

enum class canonical_key : std::uint8_t {
    uuid,
    account_number,
    subscription_number,
    direction,
    caller_id,
    destination,
    start_time,
    answer_time,
    end_time,
    duration,
    billsec,
    hangup_cause,
    metadata,
    count_,
};
inline constexpr auto canonical_key_count = static_cast<std::size_t>(canonical_key::count_);

inline constexpr key_table<canonical_key_count> canonical_keys{
    {"uuid", "account_number", "subscription_number", "direction", "caller_id", "destination",
     "start_time", "answer_time", "end_time", "duration", "billsec", "hangup_cause", "metadata"}};

using canonical_tokens = std::array<json_token, canonical_key_count>;

/// Makes a call from a record's tokens; rewritten text goes to `arena`. `out.raw` is not changed. A
/// fault names the first field that is wrong, in the order above.
record_fault read_canonical(canonical_tokens const& tokens, source const& source, text_arena& arena,
                            cdr& out);

} // namespace tally::ingest
