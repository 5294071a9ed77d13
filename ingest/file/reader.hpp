#pragma once

#include "ingest/base/record_error.hpp"
#include "ingest/file/error.hpp"
#include "ingest/record/format.hpp"

#include <cstdint>
#include <functional>
#include <span>
#include <string>

namespace tally::ingest {

struct file_reader_options {
    framing cut = framing::line;
    std::size_t record_bytes_max = 1024 * 1024;
    std::size_t whole_bytes_max = 16 * 1024 * 1024; ///< for a format that is read as a whole
    /// 1 MiB: some thousand records, so that the cost of a piece is small per record, and a few
    /// dozen pieces in flight fit into the memory of the lanes.
    std::size_t piece_bytes = 1024 * 1024;
    std::size_t chunk_bytes = 256 * 1024; ///< read from the input at a time
};

/// A part of a file: whole records, or the beginning of one record that exceeds the limit.
struct file_piece {
    std::string bytes;            ///< with room for record_batch::padding
    std::uint64_t offset = 0;     ///< of its first byte in the (expanded) file
    std::uint64_t first_line = 1; ///< 1-based number of its first line
    /// none: whole records. record_too_large: `bytes` is the beginning of one record over the
    /// limit.
    record_error error = record_error::none;
    std::uint64_t record_bytes = 0; ///< for record_too_large: the size of the whole record
};

/// Cuts a file into pieces of whole records, where the decoders would. A record
/// over the limit is the only one lost: reading continues after its line end.
///
///     | record | record | … | open record | ←── chunks from the input
///     0        └ cut here, after piece_bytes    the open record begins the next piece
///
/// A file that fails in the middle (error()) still gives all its whole records; the torn one at the
/// end is left out. One thread.
class file_reader {
  public:
    /// Source of the bytes: file_input::read, or memory in tests. 0 bytes: end or failure.
    struct byte_input {
        std::function<std::size_t(std::span<char>)> read;
        std::function<file_error()> error;
    };

    file_reader(byte_input input, file_reader_options options);

    /// The next piece; false at the end or on failure; error() tells them apart.
    bool next(file_piece& out);
    [[nodiscard]] file_error const& error() const noexcept { return error_; }

  private:
    enum class scan_end : std::uint8_t { piece_full, record_over_limit, need_more };

    bool next_whole(file_piece& out);
    scan_end scan() noexcept;
    std::size_t find_record_end() noexcept;
    void read_more();
    bool give_rest(file_piece& out);
    void give(file_piece& out, std::size_t bytes);
    void give_too_large(file_piece& out);
    [[nodiscard]] std::size_t first_line_length() const noexcept;
    void skip_byte_order_mark();
    void start_over() noexcept;

    byte_input input_;
    file_reader_options options_;
    file_error error_;
    bool begun_ = false;
    bool ended_ = false;
    std::string pending_;          ///< read, and not yet part of a piece
    std::uint64_t offset_ = 0;     ///< of pending_'s first byte
    std::uint64_t line_ = 1;       ///< of pending_'s first byte
    std::size_t record_begin_ = 0; ///< in pending_: records before it are whole
    std::size_t scanned_ = 0;      ///< in pending_: searched for the open record's end
};

} // namespace tally::ingest
