#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace tally::ingest {

/// Splits what a connection sends into lines. No sockets: bytes in, whole lines out, wherever the
/// bytes were cut. A line over the limit is passed over without being kept. One thread.
class tcp_lines {
  public:
    /// `line_bytes_max` may change between lines: the source is known only after the first one.
    explicit tcp_lines(std::size_t line_bytes_max) : line_bytes_max_(line_bytes_max) {}
    void limit(std::size_t line_bytes_max) noexcept { line_bytes_max_ = line_bytes_max; }

    void append(std::string_view bytes);
    /// The peer has closed its sending side properly: the rest is a line, too.
    void end() noexcept { ended_ = true; }

    enum class found : std::uint8_t {
        nothing,  ///< no whole line, until more is appended
        lines,    ///< one or more whole lines, none of them blank
        too_long, ///< a line over the limit
    };
    struct piece {
        found kind = found::nothing;
        std::string_view text;   ///< with line ends; valid until the next call
        std::uint32_t lines = 0; ///< number of lines that are not blank
    };
    /// The next line alone: the first one may be a hello.
    piece next_line() { return next(1, 1); }
    /// All whole lines, up to about `bytes_max` and up to `lines_max`.
    piece next_lines(std::size_t bytes_max, std::uint32_t lines_max) {
        return next(bytes_max, lines_max);
    }

    [[nodiscard]] std::size_t buffered_bytes() const noexcept { return bytes_.size() - begin_; }

  private:
    piece next(std::size_t bytes_max, std::uint32_t lines_max);
    piece pass_over(std::string_view rest);
    void skip_blank_lines() noexcept;
    void compact();

    std::size_t line_bytes_max_;
    std::string bytes_;
    std::size_t begin_ = 0;   ///< of the bytes not given out yet
    std::size_t scanned_ = 0; ///< bytes after begin_ that contain no line end
    bool skipping_ = false;   ///< within a line over the limit that was reported
    bool ended_ = false;
};

} // namespace tally::ingest
