#pragma once

#include <cstdint>
#include <string>

namespace tally::ingest {

/// Why a file could not be read to its end.
enum class file_failure : std::uint8_t {
    none,
    not_opened,  ///< no such file, no right to read it, or a directory
    not_read,    ///< the system failed while reading
    truncated,   ///< a .gz or .zst that ends within its data; what came before was delivered
    damaged,     ///< a .gz or .zst that does not expand; what came before was delivered
    too_large,   ///< a format read as a whole, and the file is over the limit
    interrupted, ///< the caller asked to stop
};

struct file_error {
    file_failure reason = file_failure::none;
    std::string detail; ///< one line for the operator, without the file's name

    [[nodiscard]] bool ok() const noexcept { return reason == file_failure::none; }
    friend bool operator==(file_error const&, file_error const&) = default;
};

} // namespace tally::ingest
