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
/// A set of eight hashes is one line of the CPU's cache, and a hash belongs to one set: a look
/// costs one access to memory, which prefetch() can begin earlier. Of a full set the oldest is
/// forgotten.
class recent_keys {
  public:
    /// Remembers eight times as many keys as `sets`, a power of two.
    explicit recent_keys(std::size_t sets) : sets_(sets) {}

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

    /// A switch repeats a record within seconds or minutes. At 5,000 calls per second this
    /// remembers about a minute, in 4 MB.
    static constexpr std::size_t sets_default = 65'536;

  private:
    struct alignas(64) set {
        std::array<std::uint64_t, 8> hashes{}; ///< the youngest first; 0: none
    };

    [[nodiscard]] std::size_t index_of(std::uint64_t key_hash) const noexcept {
        return key_hash & (sets_.size() - 1);
    }
    /// 0 means none.
    static std::uint64_t stored(std::uint64_t key_hash) noexcept {
        return key_hash == 0 ? 1 : key_hash;
    }

    std::vector<set> sets_;
};

} // namespace tally::storage
