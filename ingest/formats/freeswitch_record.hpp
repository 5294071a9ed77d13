#pragma once

#include "ingest/decode/decoder_tools.hpp"
#include "ingest/formats/freeswitch_tokens.hpp"
#include "ingest/record/source.hpp"

// Included by .cpp files only: brings simdjson along.

namespace tally::ingest {

/// Whether the record is the called leg's own: a profile has an originator.
bool is_b_leg(freeswitch_tokens const& tokens) noexcept;

/// Makes a call of a record's tokens; text that has to be rewritten goes to `arena`. `query_uuid`
/// is the call id of the push's URL, used when the record has none. `out.raw` is left alone.
record_fault read_freeswitch(freeswitch_tokens const& tokens, source const& from,
                             std::string_view query_uuid, text_arena& arena, cdr& out);

} // namespace tally::ingest
