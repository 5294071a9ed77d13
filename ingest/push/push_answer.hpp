#pragma once

#include "ingest/http/http_message.hpp"
#include "ingest/http/http_observer.hpp"
#include "ingest/record/record_block.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

namespace tally::ingest {

/// Errors listed in an answer; more are only counted. Enough for a person to see what is wrong,
/// and a bound on the answer to a body of nothing but bad records.
inline constexpr std::size_t errors_listed_max = 100;

/// What a push's answer says of its records; made before the block is pushed, since its batch is
/// gone by the time the outcome is known.
struct push_summary {
    push_counts counts;
    std::uint32_t rejected = 0;
    std::uint32_t skipped = 0; ///< left out by the source's settings; part of no other number
    std::string errors_json;   ///< the array
    bool errors_truncated = false;
};

/// Counts all of it but the source's name. Records that wait in suspense are accepted, and their
/// errors are only told: with `keep_rejected` (what a switch sends) every rejected one, else those
/// that the decoder marked so.
push_summary summarize(record_batch const& batch, record_kind kind, bool keep_rejected);

/// 202, or 200 with the outcome's counts when the sender asked to wait for COMMIT; `outcome` is
/// nullptr in the first case.
http_response accepted_answer(push_summary const& summary, block_outcome const* outcome);

/// 422: none of the records was taken. The same body with the fields of problem details beside.
http_response all_rejected_answer(push_summary const& summary);

} // namespace tally::ingest
