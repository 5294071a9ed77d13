#include "ingest/compression/stream_expander.hpp"

#include "ingest/compression/zlib_size.hpp"

#include <algorithm>
#include <climits>
#include <limits>
#include <new>

#include <zlib.h>
#include <zstd.h>

namespace tally::ingest {

namespace {

// RFC 1952 section 2.3.1; the first two of the bytes that detect_compression() gets.
constexpr std::string_view gzip_magic = "\x1f\x8b";

class gzip_expander final : public file_expander {
  public:
    gzip_expander() {
        // 15: the largest window; +16: gzip headers only.
        if (inflateInit2(&stream_, 15 + 16) != Z_OK) {
            throw std::bad_alloc();
        }
    }
    ~gzip_expander() override { inflateEnd(&stream_); }

    step expand(std::string_view input, std::span<char> output) noexcept override {
        step done;
        if (!damage_.empty()) {
            return done;
        }
        // A file may consist of several members (RFC 1952 section 2.2), as `cat a.gz b.gz` makes
        // it.
        if (between_members_) {
            done.taken = begin_member(input);
        }
        if (!between_members_) {
            inflate_some(input.substr(done.taken), output, done);
        }
        return done;
    }

    [[nodiscard]] bool at_boundary() const noexcept override { return between_members_; }

  private:
    /// Skips the zero padding that tapes and block devices leave, and begins the next member if
    /// there is one. Returns the number of bytes skipped.
    std::size_t begin_member(std::string_view input) noexcept {
        std::size_t const next = std::min(input.find_first_not_of('\0'), input.size());
        if (next == input.size()) {
            return next;
        }
        if (input[next] != gzip_magic[0]) {
            damage_ = "unexpected bytes follow the gzip data";
        } else if (inflateReset(&stream_) == Z_OK) {
            between_members_ = false;
        }
        return next;
    }

    void inflate_some(std::string_view input, std::span<char> output, step& done) noexcept {
        // zlib's input is not const, but zlib does not write to it.
        stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(input.data()));
        stream_.avail_in = clamp_to_unsigned(input.size());
        stream_.next_out = reinterpret_cast<Bytef*>(output.data());
        stream_.avail_out = clamp_to_unsigned(output.size());

        // zlib counts down what is left; the differences are what it took and made.
        unsigned const in_before = stream_.avail_in;
        unsigned const out_before = stream_.avail_out;
        int const code = inflate(&stream_, Z_NO_FLUSH);
        done.taken += in_before - stream_.avail_in;
        done.made += out_before - stream_.avail_out;

        // The end of a member is not the end of the file: begin_member() looks for the next one.
        if (code == Z_STREAM_END) {
            between_members_ = true;
        } else if (code != Z_OK && code != Z_BUF_ERROR) { // Z_BUF_ERROR: no input or no room
            damage_ = "the gzip data is damaged";
        }
    }

    z_stream stream_{};
    bool between_members_ = true;
};

class zstd_expander final : public file_expander {
  public:
    /// 2^27 bytes: the zstd tool's own limit, unless it is told to use more memory.
    static constexpr int window_log_max = 27;

    zstd_expander() : stream_(ZSTD_createDStream()) {
        if (stream_ == nullptr) {
            throw std::bad_alloc();
        }
        ZSTD_DCtx_setParameter(stream_, ZSTD_d_windowLogMax, window_log_max);
    }
    ~zstd_expander() override { ZSTD_freeDStream(stream_); }

    step expand(std::string_view input, std::span<char> output) noexcept override {
        step done;
        // At the end of a frame and without input, zstd would ask for the header of the next frame.
        if (!damage_.empty() || (frame_ended_ && input.empty())) {
            return done;
        }

        // zstd reads concatenated frames by itself, so only the end of the input has to be checked.
        ZSTD_inBuffer compressed{input.data(), input.size(), 0};
        ZSTD_outBuffer out{output.data(), output.size(), 0};
        std::size_t const code = ZSTD_decompressStream(stream_, &out, &compressed);
        done.taken = compressed.pos;
        done.made = out.pos;
        // 0 means that a frame is complete; other values are hints for the size of the next read.
        if (ZSTD_isError(code) != 0) {
            damage_ = ZSTD_getErrorName(code);
        } else {
            frame_ended_ = code == 0;
        }
        return done;
    }

    [[nodiscard]] bool at_boundary() const noexcept override { return frame_ended_; }

  private:
    ZSTD_DStream* stream_;
    bool frame_ended_ = true;
};

} // namespace

file_compression detect_compression(std::string_view first_bytes) noexcept {
    // A gzip header is recognized by two bytes, and a file may be shorter than zstd's four.
    if (first_bytes.starts_with(gzip_magic)) {
        return file_compression::gzip;
    }
    if (first_bytes.size() < compression_magic_bytes) {
        return file_compression::none;
    }

    // zstd's magic numbers are little-endian; skippable frames may come first.
    std::uint32_t magic = 0;
    for (std::size_t i = compression_magic_bytes; i-- > 0;) {
        magic = magic << CHAR_BIT | static_cast<unsigned char>(first_bytes[i]);
    }
    if (magic == ZSTD_MAGICNUMBER ||
        (magic & ZSTD_MAGIC_SKIPPABLE_MASK) == ZSTD_MAGIC_SKIPPABLE_START) {
        return file_compression::zstd;
    }
    return file_compression::none;
}

std::unique_ptr<file_expander> make_expander(file_compression kind) {
    switch (kind) {
    case file_compression::gzip:
        return std::make_unique<gzip_expander>();
    case file_compression::zstd:
        return std::make_unique<zstd_expander>();
    case file_compression::none:
        break;
    }
    return nullptr;
}

} // namespace tally::ingest
