#pragma once

#include "ingest/base/hash.hpp"
#include "storage/batch/batch.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

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
/// never "drop". One thread.
///
/// A set of eight hashes is one line of the CPU's cache, and a hash belongs to one set: a look costs
/// one access to memory, which prefetch() can begin earlier. Of a full set the oldest is forgotten.
class recent_keys {
  public:
    recent_keys() : sets_(sets) {}

    void prefetch(std::uint64_t key_hash) const noexcept {
        __builtin_prefetch(&sets_[index_of(key_hash)]);
    }
    [[nodiscard]] bool holds(std::uint64_t key_hash) const noexcept {
        auto const& hashes = sets_[index_of(key_hash)].hashes;
        return std::find(hashes.begin(), hashes.end(), stored(key_hash)) != hashes.end();
    }
    void add(std::uint64_t key_hash) noexcept {
        if (!holds(key_hash)) {
            auto& hashes = sets_[index_of(key_hash)].hashes;
            std::shift_right(hashes.begin(), hashes.end(), 1);
            hashes.front() = stored(key_hash);
        }
    }

  private:
    /// A switch repeats a record within seconds or minutes. At 5,000 calls per second this
    /// remembers about a minute, in 4 MB per lane.
    static constexpr std::size_t sets = 65'536;

    struct alignas(64) set {
        std::array<std::uint64_t, 8> hashes{}; ///< the youngest first; 0: none
    };

    static std::size_t index_of(std::uint64_t key_hash) noexcept { return key_hash % sets; }
    /// 0 means none.
    static std::uint64_t stored(std::uint64_t key_hash) noexcept {
        return key_hash == 0 ? 1 : key_hash;
    }

    std::vector<set> sets_;
};

} // namespace tally::storage
