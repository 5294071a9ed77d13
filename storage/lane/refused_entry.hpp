#pragma once

#include "storage/batch/batch_store.hpp"
#include "storage/lane/batch_entry.hpp"

#include <span>

namespace tally::storage {

/// The entry that the server refused in a batch of these entries; nullptr if its report does not
/// name it.
batch_entry* refused_entry(std::span<batch_entry> entries, commit_counts const& counts);

} // namespace tally::storage
