#pragma once

#include "ingest/decode/decoder_tools.hpp"
#include "ingest/formats/freeswitch_tokens.hpp"
#include "ingest/record/source.hpp"

// Included by .cpp files only: brings simdjson along.

namespace tally::ingest {

/// Whether the record is that of the called leg: a profile has an originator.
bool is_b_leg(freeswitch_tokens const& tokens) noexcept;

/// Makes a call from a record's tokens; rewritten text goes to `arena`. `query_uuid` is the call id
/// of the push's URL, used if the record has none. `out.raw` is not changed.
record_fault read_freeswitch(freeswitch_tokens const& tokens, source const& source,
                             std::string_view query_uuid, text_arena& arena, cdr& out);

} // namespace tally::ingest
