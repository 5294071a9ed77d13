#pragma once

#include "ingest/base/assert.hpp"

#include <cstddef>
#include <memory>
#include <string_view>

namespace tally::storage {

/// A growing buffer of bytes that is written through a pointer: `char* cursor = buffer.room(n)`,
/// write at most n bytes there, `buffer.written_to(cursor)`. Between the two, `room(cursor, n)`
/// gives more, so that each field asks for its own room and no caller bounds a whole row. It keeps
/// its memory and does not clear it (a vector would write zeros that are overwritten at once).
class byte_buffer {
  public:
    /// The end of what is written; at least `bytes` bytes are free after it.
    char* room(std::size_t bytes) {
        if (capacity_ - size_ < bytes) {
            grow(bytes);
        }
        return data_.get() + size_;
    }
    /// The same while writing: at least `bytes` bytes are free after the returned position, which
    /// continues what was written up to `cursor`.
    char* room(char* cursor, std::size_t bytes) {
        if (static_cast<std::size_t>(data_.get() + capacity_ - cursor) < bytes) {
            written_to(cursor);
            grow(bytes);
            cursor = data_.get() + size_;
        }
        return cursor;
    }
    void written_to(char const* end) noexcept {
        size_ = static_cast<std::size_t>(end - data_.get());
        TALLY_ASSERT(size_ <= capacity_, "a field is longer than its room");
    }
    void clear() noexcept { size_ = 0; }

    [[nodiscard]] char* data() noexcept { return data_.get(); }
    [[nodiscard]] char const* data() const noexcept { return data_.get(); }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] std::string_view view() const noexcept { return {data_.get(), size_}; }

  private:
    void grow(std::size_t bytes);

    std::unique_ptr<char[]> data_;
    std::size_t size_ = 0;
    std::size_t capacity_ = 0;
};

} // namespace tally::storage
