#pragma once

#include "ingest/base/hash.hpp"
#include "storage/batch/batch.hpp"

#include <boost/unordered/unordered_flat_set.hpp>

#include <cstdint>

namespace tally::storage {

/// 64-bit hash of a call's key. Different keys may have one hash: the caller compares the keys.
inline std::uint64_t hash_of(call_key const& key) noexcept {
    std::size_t const id = ingest::uuid_hash{}(key.id);
    std::size_t const account = ingest::uuid_hash{}(key.account_id);
    std::uint64_t const mixed = ingest::combined_hash(ingest::combined_hash(id, account),
                                                      static_cast<std::uint64_t>(key.start));
    return mixed ^ (mixed >> 32);
}

/// Hashes of the keys that a lane stored recently. A hit means "ask the database before COPY",
/// never "drop". Two generations; the older one is forgotten when the younger is full. One thread.
class recent_keys {
  public:
    [[nodiscard]] bool holds(std::uint64_t key_hash) const noexcept {
        return young_.contains(key_hash) || old_.contains(key_hash);
    }
    void add(std::uint64_t key_hash) {
        if (young_.size() >= generation_keys_max) {
            young_.swap(old_);
            young_.clear();
        }
        young_.insert(key_hash);
    }

  private:
    /// A switch repeats a record within seconds or minutes. At 5,000 calls per second this
    /// remembers one to two minutes, in about 10 MB per lane.
    static constexpr std::size_t generation_keys_max = 300'000;

    boost::unordered_flat_set<std::uint64_t> young_;
    boost::unordered_flat_set<std::uint64_t> old_;
};

} // namespace tally::storage
