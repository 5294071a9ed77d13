#pragma once

#include "ingest/base/record_error.hpp"
#include "ingest/record/record_batch.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace tally::ingest {

/// Records of one push, counted when its response is known. received = accepted + rejected; records
/// that the source's settings leave out (b-legs) are in none of them.
struct push_counts {
    std::string_view source; ///< name
    std::string_view kind;   ///< "cdr" or "event"
    std::uint32_t received = 0;
    std::uint32_t accepted = 0; ///< stored, a duplicate, or waiting in suspense
    /// Rejected records, by reason.
    std::array<std::uint32_t, static_cast<std::size_t>(record_error::count_)> rejected{};

    [[nodiscard]] std::uint32_t all_rejected() const noexcept;
};

/// Counts a batch. `source` and `kind` are views that the result keeps. Records that wait in
/// suspense count as accepted: with `keep_rejected` (records of a switch) all rejected ones, else
/// those that the decoder marked `suspended`.
push_counts count_push(record_batch const& batch, std::string_view source, std::string_view kind,
                       bool keep_rejected);

} // namespace tally::ingest
