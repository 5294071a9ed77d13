#pragma once

#include "bench/support/sample_calls.hpp"

#include <string>

namespace tally::bench {

// Append a call to `out`, as three kinds of sender write it.

/// One NDJSON line of the canonical format, about 400 bytes.
void append_canonical(sample_call const& call, std::string& out);

/// The body that mod_json_cdr posts with its default settings (raw JSON, percent-encoded values):
/// the fields of a real one, with fewer variables; about 4 KB.
void append_freeswitch(sample_call const& call, std::string& out);

/// One row of cdr_csv's Master.csv with uniqueid and userfield; times are UTC.
void append_asterisk(sample_call const& call, std::string& out);

} // namespace tally::bench
