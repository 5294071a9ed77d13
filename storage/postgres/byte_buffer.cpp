#include "storage/postgres/byte_buffer.hpp"

#include <algorithm>
#include <cstring>

namespace tally::storage {

void byte_buffer::grow(std::size_t bytes) {
    // Doubling, so that a buffer that grows row by row copies each byte a bounded number of times.
    // Without () behind it, new char[] does not zero the bytes, which are overwritten next.
    std::size_t const capacity = std::max(size_ + bytes, capacity_ * 2);
    std::unique_ptr<char[]> larger{new char[capacity]};
    if (size_ != 0) {
        std::memcpy(larger.get(), data_.get(), size_);
    }
    data_ = std::move(larger);
    capacity_ = capacity;
}

} // namespace tally::storage
