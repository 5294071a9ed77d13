#pragma once

#include "ingest/http/message.hpp"
#include "ingest/record/push_counts.hpp"
#include "ingest/record/record_block.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

namespace tally::ingest {

/// Errors listed in a response; further ones are only counted. Enough to see what is wrong, and a
/// bound on the response to a body of bad records only.
inline constexpr std::size_t errors_listed_max = 100;

/// What the response to a push says about its records. It is made before the block is pushed, since
/// the batch no longer exists when the outcome is known.
struct push_summary {
    push_counts counts;
    std::uint32_t rejected = 0;
    std::uint32_t skipped = 0; ///< left out by the source's settings; part of no other number
    std::string errors_json;   ///< the array
    bool errors_truncated = false;
};

/// `counts` are the batch's own. The errors of records that wait in suspense are listed as well.
push_summary summarize(record_batch const& batch, push_counts const& counts);

/// 202, or 200 with the counts of the outcome if the sender asked to wait for COMMIT; `outcome` is
/// nullptr for 202.
http_response accepted_response(push_summary const& summary, block_outcome const* outcome);

/// 422: none of the records was accepted. The same body, with the members of problem details added.
http_response all_rejected_response(push_summary const& summary);

} // namespace tally::ingest
