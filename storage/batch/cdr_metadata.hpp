#pragma once

#include "ingest/record/cdr.hpp"

#include <cstddef>

namespace tally::storage {

// Column metadata of billing.cdrs: the record's own object, and in front of its members
// "sent_caller_id" and "sent_destination" where number rules changed what was sent.

/// Most bytes that put_metadata_field() writes.
std::size_t metadata_bytes_max(ingest::cdr const& call) noexcept;

/// A jsonb field in binary form; NULL when there is nothing to say.
char* put_metadata_field(char* at, ingest::cdr const& call) noexcept;

} // namespace tally::storage
