#pragma once

#include "storage/batch/batch_store.hpp"
#include "storage/lane/batch_entry.hpp"

#include <span>
#include <vector>

namespace tally::storage {

/// The entry that the server refused in a batch of these entries; nullptr if its report does not
/// name it.
batch_entry* refused_entry(std::span<batch_entry> entries, commit_counts const& counts);

/// The entries that these verdicts refuse, in the order of `verdicts`; nullptr for an unknown one.
/// All are found before the first is suspended, which would shift the numbers of later events.
std::vector<batch_entry*> refused_entries(std::span<batch_entry> entries,
                                          std::span<verdict const> verdicts);

} // namespace tally::storage
