#pragma once

#include "storage/batch_entry.hpp"
#include "storage/batch_writer.hpp"

#include <cstdint>
#include <span>

namespace tally::storage {

// Calls and events of a batch are the live entries of their sort, in order: which entry is it that
// the database refused? nullptr: none that could be told.

/// The entry that stands at `place` in batch.events.
batch_entry* entry_of_event(std::span<batch_entry> entries, std::uint32_t place) noexcept;

/// The entry of the row that the server refused, when it said which, or of the only one.
batch_entry* refused_entry(std::span<batch_entry> entries, commit_counts const& counts) noexcept;

} // namespace tally::storage
