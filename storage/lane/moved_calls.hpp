#pragma once

#include "storage/batch/batch_writer.hpp"
#include "storage/lane/batch_entry.hpp"

#include <span>

namespace tally::storage {

/// What an earlier run stored is stored, also when its number or subscription has moved to another
/// account since, or nobody has it any more: of the entries that `may_be_stored`, those are made
/// duplicates which stand under another account than their key says.
///
/// That it is the same record, and not one of two alike that were sent for two accounts, shows by
/// how it finds its payer: by its numbers, which are the same, or by the subscription.
result drop_moved_calls(batch_writer& in, std::span<batch_entry> entries);

} // namespace tally::storage
