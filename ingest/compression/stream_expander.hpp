#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace tally::ingest {

enum class file_compression : std::uint8_t { none, gzip, zstd };

/// Number of bytes that detect_compression() needs.
inline constexpr std::size_t compression_magic_bytes = 4;

/// Detects the compression by the first bytes, not by the file's name. A zstd file may begin with a
/// skippable frame (RFC 8878 section 3.1.2), as parallel compressors write it.
file_compression detect_compression(std::string_view first_bytes) noexcept;

/// Expands a stream piece by piece in bounded memory, however large it becomes. Several gzip
/// members or zstd frames in a row are one stream. One thread.
class file_expander {
  public:
    struct step {
        std::size_t taken = 0; ///< bytes of the input used up
        std::size_t made = 0;  ///< bytes written to the output
    };

    file_expander() = default;
    file_expander(file_expander const&) = delete;
    file_expander& operator=(file_expander const&) = delete;
    virtual ~file_expander() = default;

    /// Expands as much as there is and fits. If nothing is taken and nothing made, it needs more
    /// input, or damage() is not empty. Output may remain inside: at the end of the input, call it
    /// with empty input until it makes nothing.
    virtual step expand(std::string_view input, std::span<char> output) noexcept = 0;
    /// Whether the stream may end here.
    [[nodiscard]] virtual bool at_boundary() const noexcept = 0;
    /// The fault of the input; empty if there is none.
    [[nodiscard]] std::string_view damage() const noexcept { return damage_; }

  protected:
    std::string_view damage_; ///< static storage
};

/// nullptr for file_compression::none. Throws std::bad_alloc.
std::unique_ptr<file_expander> make_expander(file_compression kind);

} // namespace tally::ingest
