#pragma once

#include "storage/lane/isolation.hpp"
#include "storage/lane/lane_writer.hpp"

#include <deque>
#include <span>

namespace tally::storage {

/// Stores entries as a lane of the daemon does, without its waits: what the database refuses is
/// divided until the bad entries are found. False: gave up.
inline bool store_divided(lane_writer& writer, std::span<batch_entry> entries,
                          ingest::uuid const& import_id = {}) {
    std::deque<std::span<batch_entry>> parts{entries};
    while (!parts.empty()) {
        auto const part = parts.front();
        parts.pop_front();
        switch (writer.store(part, import_id, 100)) {
        case store_end::stored:
            break;
        case store_end::outdated:
        case store_end::given_up:
            return false;
        case store_end::poisoned: {
            auto const divided = divide(part, writer.culprit());
            parts.insert(parts.end(), divided.innocent.begin(), divided.innocent.end());
            parts.insert(parts.end(), divided.suspect.begin(), divided.suspect.end());
            break;
        }
        }
    }
    return true;
}

/// The account of a payer; nil: there is no payer.
inline ingest::uuid account_of(rating::guided const& payer, rating::catalog const& catalog) {
    return payer.error == ingest::record_error::none
               ? catalog.account_at(catalog.subscription_at(payer.subscription).account).id
               : ingest::uuid{};
}

} // namespace tally::storage
