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
    live,      ///< to be stored as a call or an event
    duplicate, ///< stored already, by this batch or an earlier one
    suspended, ///< to be stored in ingest.suspense, for `reason`
};

/// One record on its way into a batch. What it points to belongs to the block it came with.
struct batch_entry {
    ingest::cdr const* call = nullptr;    ///< this,
    ingest::event const* event = nullptr; ///< or this; neither: no decoder could read it
    rating::catalog const* catalog = nullptr;
    ingest::source const* from = nullptr;
    std::string_view format;
    std::string_view raw;
    std::string_view detail;
    ingest::time_us received = 0; ///< when it came (record_block::received)
    rating::guided who;           ///< of a call
    rating::guided_event whose;   ///< of an event
    entry_state state = entry_state::live;
    bool is_bare = false;       ///< suspended without `detail` and `received`: they are refused
    bool may_be_stored = false; ///< by an earlier run, under another account perhaps
    ingest::record_error reason = ingest::record_error::none;
    std::uint32_t owner = 0;  ///< place of its block in the batch, for counting
    ingest::uuid suspense_id; ///< of its row there, when it is tried again; nil: it is not

    /// Becomes the entry of a call, or of an event; of one that nobody pays for, suspended.
    void take(ingest::cdr const& of, rating::guided const& pays) noexcept {
        call = &of;
        raw = of.raw;
        who = pays;
        if (who.error != ingest::record_error::none) {
            suspend(who.error, ingest::explain(who.error));
        }
    }
    void take(ingest::event const& of, rating::guided_event const& pays) noexcept {
        event = &of;
        raw = of.raw;
        whose = pays;
        if (whose.error != ingest::record_error::none) {
            suspend(whose.error, ingest::explain(whose.error));
        }
    }
    void suspend(ingest::record_error why, std::string_view what = {}) noexcept {
        state = entry_state::suspended;
        reason = why;
        detail = what;
    }
    /// Of a call that was guided.
    [[nodiscard]] call_key key() const noexcept {
        auto const& s = catalog->subscription_at(who.subscription);
        return {catalog->account_at(s.account).id, ingest::whole_second(call->start), call->id};
    }
    [[nodiscard]] bool is_live_call() const noexcept {
        return state == entry_state::live && call != nullptr;
    }
    [[nodiscard]] bool is_live_event() const noexcept {
        return state == entry_state::live && event != nullptr;
    }
};

/// Hash of a record's key: of a call's, or of an event's identity.
inline std::uint64_t key_hash_of(batch_entry const& entry) noexcept {
    return entry.event != nullptr ? ingest::uuid_hash{}(entry.event->id) : hash_of(entry.key());
}

} // namespace tally::storage
