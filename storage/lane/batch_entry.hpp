#pragma once

#include "ingest/record/record_batch.hpp"
#include "ingest/record/source.hpp"
#include "rating/catalog/catalog.hpp"
#include "rating/catalog/event_guide.hpp"
#include "rating/catalog/guide.hpp"
#include "storage/batch/batch.hpp"
#include "storage/lane/recent_keys.hpp"

#include <cstdint>
#include <string_view>

namespace tally::storage {

enum class entry_state : std::uint8_t {
    live,      ///< to be stored as a call or an event; after store(): stored
    duplicate, ///< already stored, by this batch or an earlier one
    suspended, ///< to be stored in ingest.suspense, for `reason`
};

/// One record on its way into a batch. What it points to belongs to the record's block.
struct batch_entry {
    ingest::cdr const* call = nullptr;    ///< set for a call
    ingest::event const* event = nullptr; ///< set for an event; neither: an unreadable record
    rating::catalog const* catalog = nullptr;
    ingest::source const* source = nullptr;
    std::string_view format;
    std::string_view raw;
    std::string_view detail;
    ingest::time_us received = 0;     ///< when the record arrived (record_block::received)
    rating::guided call_owner;        ///< the payer of a call
    ingest::uuid account_id;          ///< of the payer of a call; nil: it has none
    rating::guided_event event_owner; ///< the payer of an event
    entry_state state = entry_state::live;
    bool is_bare = false; ///< suspend without `detail` and `received`, which were refused
    ingest::record_error reason = ingest::record_error::none;
    std::uint32_t owner = 0;    ///< index of its block in the batch, for counting
    std::uint64_t key_hash = 0; ///< set by duplicate_filter::drop_repeats()
    ingest::uuid suspense_id;   ///< its row in ingest.suspense if it is a retry; nil: it is not
    /// The session in which its key was found stored, which made it a duplicate or a conflict; 0:
    /// it was not. Another session may be with a server that lacks the key.
    std::uint64_t judged_in = 0;

    /// Makes this the entry of a call or an event. One without a payer becomes suspended. `account`
    /// is known also when the payer was decided earlier and is no longer in the catalog.
    void take(ingest::cdr const& record, rating::guided const& pays,
              ingest::uuid const& account) noexcept {
        call = &record;
        raw = record.raw;
        call_owner = pays;
        account_id = account;
        if (call_owner.error != ingest::record_error::none) {
            suspend(call_owner.error, ingest::explain(call_owner.error));
        }
    }
    void take(ingest::event const& record, rating::guided_event const& pays) noexcept {
        event = &record;
        raw = record.raw;
        event_owner = pays;
        if (event_owner.error != ingest::record_error::none) {
            suspend(event_owner.error, ingest::explain(event_owner.error));
        }
    }
    void suspend(ingest::record_error cause, std::string_view text = {}) noexcept {
        state = entry_state::suspended;
        reason = cause;
        detail = text;
    }
    /// As before its key was found stored.
    void revive() noexcept {
        judged_in = 0;
        state = entry_state::live;
        if (call != nullptr && call_owner.error != ingest::record_error::none) {
            suspend(call_owner.error, ingest::explain(call_owner.error));
        }
    }
    /// Of a call whose account is known.
    [[nodiscard]] call_key key() const noexcept {
        return {account_id, ingest::whole_second(call->start), call->id};
    }
    /// A call whose payer was decided earlier, perhaps stored since, and is gone from the catalog.
    [[nodiscard]] bool is_orphan() const noexcept {
        return call != nullptr && state == entry_state::suspended &&
               reason == ingest::record_error::unknown_subscription && !account_id.is_nil();
    }
    [[nodiscard]] bool is_live_call() const noexcept {
        return state == entry_state::live && call != nullptr;
    }
    [[nodiscard]] bool is_live_event() const noexcept {
        return state == entry_state::live && event != nullptr;
    }
};

/// Hash of the record's key: of a call's key, or of an event's id.
inline std::uint64_t key_hash_of(batch_entry const& entry) noexcept {
    return entry.event != nullptr ? ingest::uuid_hash{}(entry.event->id) : hash_of(entry.key());
}

} // namespace tally::storage
