#pragma once

#include "storage/batch/batch.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

struct evp_md_ctx_st;

namespace tally::storage {

using sha256 = std::array<std::uint8_t, 32>;

/// Unique key of a suspense row, and the index of the row in the batch.
struct payload_key {
    ingest::uuid source_id;
    sha256 digest{};
    std::uint32_t index = 0;

    friend auto operator<=>(payload_key const&, payload_key const&) = default;
};

/// SHA-256 of suspense rows: of the format, a zero byte, and the payload, so that one payload in
/// two formats has two rows. Keeps one OpenSSL context. One thread.
class payload_digest {
  public:
    payload_digest();
    ~payload_digest();

    /// Keys of all rows, sorted. Throws std::runtime_error if OpenSSL fails (out of memory).
    void keys(std::span<suspense_row const> rows, std::vector<payload_key>& out);

  private:
    struct context_free {
        void operator()(evp_md_ctx_st* c) const noexcept;
    };
    sha256 digest(suspense_row const& row);

    std::unique_ptr<evp_md_ctx_st, context_free> context_;
};

} // namespace tally::storage
