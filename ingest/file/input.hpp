#pragma once

#include "ingest/compression/stream_expander.hpp"
#include "ingest/file/error.hpp"

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace tally::ingest {

/// SHA-256.
using file_digest = std::array<std::uint8_t, 32>;

/// Lower-case hexadecimal form.
std::string to_hex(file_digest const& digest);

/// One file, or standard input for "-", as a stream of expanded bytes: .gz and .zst are recognized
/// by their first bytes. Owns the descriptor. Blocks while reading; one thread.
///
///     open ─→ [digest] ─→ read, read, … read gives 0 ─→ error() says whether that was the end
///
/// Of a regular file only the bytes that it had when it was opened are read. So the digest and the
/// records see the same file even while it is still being written.
class file_input {
  public:
    /// `interrupted` is called between reads, and several times a second while waiting for a pipe.
    explicit file_input(std::function<bool()> interrupted = {});
    ~file_input();
    file_input(file_input const&) = delete;
    file_input& operator=(file_input const&) = delete;

    /// false: error() gives the reason.
    bool open(std::string const& path);
    /// SHA-256 of a regular file's bytes on disk, compressed or not; call it before the first read.
    /// nullopt for pipes and standard input, and on failure.
    std::optional<file_digest> digest();
    /// Fills the front of `output`, which must not be empty, and returns the number of bytes; 0 at
    /// the end or on failure.
    std::size_t read(std::span<char> output);

    [[nodiscard]] file_error const& error() const noexcept { return error_; }
    /// Bytes on disk read so far, for a progress bar.
    [[nodiscard]] std::uint64_t disk_bytes_read() const noexcept { return disk_bytes_read_; }
    /// Size of the file on disk; nullopt for pipes and standard input.
    [[nodiscard]] std::optional<std::uint64_t> disk_bytes() const noexcept { return disk_bytes_; }

  private:
    /// 256 KiB: few system calls, and small compared with the memory of the records.
    static constexpr std::size_t disk_buffer_bytes = 256 * 1024;

    std::size_t read_disk(std::span<char> output);
    bool wait_readable();
    void fill_buffer();
    void detect();
    std::size_t read_plain(std::span<char> output);
    std::size_t read_expanded(std::span<char> output);
    void fail(file_failure reason, std::string detail);

    std::function<bool()> interrupted_;
    int descriptor_ = -1;
    file_error error_;
    std::optional<std::uint64_t> disk_bytes_;
    std::uint64_t disk_bytes_read_ = 0;
    bool disk_ended_ = false;
    bool detected_ = false;
    std::unique_ptr<file_expander> expander_;
    std::vector<char> buffer_;     ///< bytes as on disk
    std::size_t buffer_begin_ = 0; ///< bytes not yet used: [begin, end)
    std::size_t buffer_end_ = 0;
};

} // namespace tally::ingest
