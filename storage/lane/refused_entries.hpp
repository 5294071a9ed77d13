#pragma once

#include "storage/batch/batch_writer.hpp"
#include "storage/lane/batch_entry.hpp"

#include <span>
#include <vector>

namespace tally::storage {

/// The entry that the server refused in a batch of these entries; nullptr when that cannot be told.
batch_entry* refused_entry(std::span<batch_entry> entries, commit_counts const& counts);

/// The entries of the events of these verdicts, in their order; nullptr for one that is not there.
/// All of them before the first is suspended, which moves the places of those behind it.
std::vector<batch_entry*> refused_entries(std::span<batch_entry> entries,
                                          std::span<verdict const> verdicts);

} // namespace tally::storage
