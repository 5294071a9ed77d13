#include "storage/lane/duplicate_filter.hpp"

namespace tally::storage {

namespace {

using ingest::record_error;

constexpr std::string_view came_first = "another record of this key came first";
constexpr std::string_view stored_otherwise = "this record is stored with other content";

bool same_key(batch_entry const& a, batch_entry const& b) noexcept {
    if (a.event != nullptr || b.event != nullptr) {
        return a.event != nullptr && b.event != nullptr && a.event->id == b.event->id;
    }
    return a.key() == b.key();
}

bool same_record(batch_entry const& a, batch_entry const& b) noexcept {
    return a.event != nullptr ? a.event->content == b.event->content
                              : same_content(*a.call, *b.call);
}

/// A record that conflicts with an earlier one of the batch may still repeat a stored one.
bool is_in_question(batch_entry const& entry) noexcept {
    bool const has_key = entry.call != nullptr || entry.event != nullptr;
    return has_key &&
           (entry.state == entry_state::live || entry.is_orphan() ||
            (entry.state == entry_state::suspended && entry.reason == record_error::conflict));
}

/// Same content: a duplicate; other content: a conflict, which goes to suspense.
void settle(batch_entry& entry, bool is_same, std::uint64_t session) noexcept {
    entry.judged_in = session;
    if (is_same) {
        entry.state = entry_state::duplicate;
    } else {
        entry.suspend(record_error::conflict, stored_otherwise);
    }
}

} // namespace

void duplicate_filter::drop_repeats(std::span<batch_entry> entries, std::size_t first) {
    if (first == 0) {
        first_of_key_.clear();
    }
    first_of_key_.reserve(entries.size());

    // Hashed also for suspended entries, since drop_stored() asks about some of them.
    for (auto i = static_cast<std::uint32_t>(first); i < entries.size(); ++i) {
        auto& entry = entries[i];
        if (entry.call == nullptr && entry.event == nullptr) {
            continue;
        }
        entry.key_hash = key_hash_of(entry);
        if (entry.state != entry_state::live) {
            continue;
        }

        // The first record of a key stays. The same again is a duplicate, another one a conflict.
        auto const [found, is_first] = first_of_key_.try_emplace(entry.key_hash, i);
        if (is_first || !same_key(entries[found->second], entry)) {
            continue; // two keys with one hash: the unique index decides
        }

        if (same_record(entries[found->second], entry)) {
            entry.state = entry_state::duplicate;
        } else {
            entry.suspend(record_error::conflict, came_first);
        }
    }
}

result duplicate_filter::drop_stored(std::span<batch_entry> entries, bool all) {
    // Most batches have no suspect and need no query.
    calls_.clear();
    events_.clear();
    constexpr std::size_t distance = 16; // the time of so many looks hides one access to memory
    for (std::size_t i = 0; i < entries.size(); ++i) {
        if (i + distance < entries.size()) {
            recent_.prefetch(entries[i + distance].key_hash);
        }
        auto& entry = entries[i];
        if (is_in_question(entry) && (all || entry.is_orphan() || recent_.holds(entry.key_hash))) {
            (entry.event != nullptr ? events_ : calls_).push_back(&entry);
        }
    }
    if (calls_.empty() && events_.empty()) {
        return {};
    }

    found_any_ = false;
    result status = ask_calls();
    if (status.ok()) {
        status = ask_events();
    }

    // Keep asking about all for as long as that finds something.
    if (status.ok()) {
        expect_stored_ = found_any_ && (all || expect_stored_);
    }
    return status;
}

result duplicate_filter::ask_calls() {
    std::vector<call_key> keys;
    keys.reserve(calls_.size());
    for (auto const* entry : calls_) {
        keys.push_back(entry->key());
    }
    if (keys.empty()) {
        return {};
    }

    std::vector<stored_call> found;
    result status = store_.stored_calls(keys, found);
    if (status.ok()) {
        judge(found);
    }
    return status;
}

void duplicate_filter::judge(std::span<stored_call const> found) {
    found_any_ = found_any_ || !found.empty();
    boost::unordered_flat_map<std::uint64_t, stored_call const*> by_key;
    by_key.reserve(found.size());
    for (auto const& stored : found) {
        by_key.emplace(hash_of(stored.key), &stored);
    }
    for (auto* entry : calls_) {
        auto const index = by_key.find(hash_of(entry->key()));
        if (index != by_key.end() && index->second->key == entry->key()) {
            settle(*entry, same_content(index->second->as_cdr(), *entry->call), store_.session());
        }
    }
}

result duplicate_filter::ask_events() {
    std::vector<ingest::uuid> ids;
    ids.reserve(events_.size());
    for (auto const* entry : events_) {
        ids.push_back(entry->event->id);
    }
    if (ids.empty()) {
        return {};
    }

    std::vector<stored_event> found;
    result status = store_.stored_events(ids, found);
    if (!status.ok()) {
        return status;
    }

    // By their content: one that differs is a conflict, not a duplicate.
    found_any_ = found_any_ || !found.empty();
    boost::unordered_flat_map<ingest::uuid, std::uint64_t, ingest::uuid_hash> by_id;
    for (auto const& stored : found) {
        by_id.emplace(stored.id, stored.content);
    }
    for (auto* entry : events_) {
        if (auto const index = by_id.find(entry->event->id); index != by_id.end()) {
            settle(*entry, index->second == entry->event->content, store_.session());
        }
    }
    return {};
}

void duplicate_filter::remember(std::span<batch_entry const> entries) {
    for (auto const& entry : entries) {
        if (entry.state == entry_state::live) {
            recent_.add(entry.key_hash);
        }
    }
}

} // namespace tally::storage
