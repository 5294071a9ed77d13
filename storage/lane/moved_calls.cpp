#include "storage/lane/moved_calls.hpp"

#include "storage/lane/recent_keys.hpp"

#include <boost/unordered/unordered_flat_map.hpp>

#include <vector>

namespace tally::storage {

namespace {

using ingest::record_error;

/// A key of start and id only, for every account.
call_key anybodys(ingest::time_us start, ingest::uuid const& id) noexcept {
    return {{}, ingest::whole_second(start), id};
}

/// Whether the entry is this stored call, under another account than it would have now.
bool is_stored_elsewhere(batch_entry const& entry, stored_call const& stored) {
    auto const& call = *entry.call;
    if (call.id != stored.key.id || ingest::whole_second(call.start) != stored.key.start ||
        !same_content(stored.as_cdr(), call)) {
        return false;
    }
    bool const has_payer = entry.call_owner.error == record_error::none;
    if (has_payer && entry.key() == stored.key) {
        return false; // the same account: duplicate_filter decides
    }
    bool const by_its_numbers = call.account_number.empty() && call.subscription_number.empty();
    return by_its_numbers ||
           (has_payer && entry.catalog->subscription_at(entry.call_owner.subscription).id ==
                             stored.subscription_id);
}

} // namespace

result drop_moved_calls(batch_writer& writer, std::span<batch_entry> entries) {
    std::vector<call_key> keys;
    boost::unordered_flat_map<std::uint64_t, std::vector<batch_entry*>> by_key;
    for (auto& entry : entries) {
        if (entry.may_be_stored && entry.call != nullptr && entry.state != entry_state::duplicate) {
            keys.push_back(anybodys(entry.call->start, entry.call->id));
            by_key[hash_of(keys.back())].push_back(&entry);
        }
    }
    if (keys.empty()) {
        return {};
    }
    std::vector<stored_call> found;
    result status = writer.calls_of_anybody(keys, found);
    for (auto const& stored : found) {
        for (auto* entry : by_key[hash_of(anybodys(stored.key.start, stored.key.id))]) {
            if (status.ok() && is_stored_elsewhere(*entry, stored)) {
                entry->state = entry_state::duplicate;
            }
        }
    }
    return status;
}

} // namespace tally::storage
