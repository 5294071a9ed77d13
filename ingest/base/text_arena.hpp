#pragma once

#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

namespace tally::ingest {

/// Memory for text that records point to and that is not in the input as such (unescaped strings,
/// generated metadata). It grows in blocks, so views stay valid until clear(), which keeps the
/// blocks for the next batch: a batch of a size seen before allocates nothing.
///
/// Owned by one record_batch, used by one thread at a time.
class text_arena {
  public:
    text_arena() = default;
    text_arena(text_arena&&) noexcept = default;
    text_arena& operator=(text_arena&&) noexcept = default;
    text_arena(text_arena const&) = delete;
    text_arena& operator=(text_arena const&) = delete;

    /// Room for `size` bytes, uninitialized.
    char* reserve(std::size_t size);
    /// Returns the unused end of the last reserve(): only `used` bytes of it stay taken.
    void shrink_last(std::size_t used) noexcept;
    /// A copy of `text` that lives as long as the arena.
    std::string_view keep(std::string_view text);

    void clear() noexcept;
    [[nodiscard]] std::size_t bytes() const noexcept { return bytes_total_; }

  private:
    struct block {
        std::unique_ptr<char[]> data;
        std::size_t size = 0;
    };
    /// 64 KiB: some hundred records of unescaped text, small compared with one HTTP body.
    static constexpr std::size_t block_bytes = 64 * 1024;

    std::vector<block> blocks_;
    std::size_t current_ = 0;     ///< index of the block in use
    std::size_t used_ = 0;        ///< bytes of it that are taken
    std::size_t last_start_ = 0;  ///< where the last reserve() began
    std::size_t bytes_total_ = 0; ///< size of all blocks
};

} // namespace tally::ingest
