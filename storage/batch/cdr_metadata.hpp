#pragma once

#include "ingest/record/cdr.hpp"

#include <cstddef>

namespace tally::storage {

// Column metadata of billing.cdrs: the record's own JSON object. Where number rules changed a
// number, "sent_caller_id" and "sent_destination" come before its members, with what was sent.

/// Upper bound of what put_metadata_field() writes.
std::size_t metadata_bytes_max(ingest::cdr const& call) noexcept;

/// Writes a jsonb field in binary form, NULL if the record has no metadata. Returns the end of what
/// it wrote.
char* put_metadata_field(char* cursor, ingest::cdr const& call) noexcept;

} // namespace tally::storage
