#pragma once

#include "storage/batch/batch_writer.hpp"
#include "storage/lane/batch_entry.hpp"

#include <span>

namespace tally::storage {

/// Marks entries as duplicates if an earlier run stored the call under a different account than the
/// entry's key has now: its number or its subscription has moved to another account since, or no
/// account has it any longer. Only entries with `may_be_stored` are looked up.
///
/// Two equal calls may also have been sent for two accounts. They are the same record if the payer
/// is found by their numbers, which are equal, or if both have the same subscription.
result drop_moved_calls(batch_writer& writer, std::span<batch_entry> entries);

} // namespace tally::storage
