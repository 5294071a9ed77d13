#include "ingest/base/text_arena.hpp"

#include "ingest/base/assert.hpp"

#include <algorithm>
#include <cstring>

namespace tally::ingest {

char* text_arena::reserve(std::size_t size) {
    // A block that is too small for this text is skipped; the next clear() makes it available
    // again.
    while (current_ < blocks_.size() && blocks_[current_].size - used_ < size) {
        ++current_;
        used_ = 0;
    }

    // A text is never split: one that is longer than a block gets a block of its own size.
    if (current_ == blocks_.size()) {
        std::size_t const block_size = std::max(size, block_bytes);
        blocks_.push_back({std::make_unique_for_overwrite<char[]>(block_size), block_size});
        bytes_total_ += block_size;
        used_ = 0;
    }

    // shrink_last() returns the unused end of this text, so its begin is remembered.
    last_start_ = used_;
    used_ += size;
    return blocks_[current_].data.get() + last_start_;
}

void text_arena::shrink_last(std::size_t used) noexcept {
    TALLY_ASSERT(last_start_ + used <= used_, "a text is longer than its room");
    used_ = last_start_ + used;
}

std::string_view text_arena::keep(std::string_view text) {
    if (text.empty()) {
        return {};
    }
    char* const position = reserve(text.size());
    std::memcpy(position, text.data(), text.size());
    return {position, text.size()};
}

void text_arena::clear() noexcept {
    // The blocks stay, so that decoding the next batch allocates nothing.
    current_ = 0;
    used_ = 0;
    last_start_ = 0;
}

} // namespace tally::ingest
