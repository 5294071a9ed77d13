#include "ingest/compression/content_coding.hpp"

#include "ingest/compression/stream_expander.hpp"
#include "ingest/compression/zlib_size.hpp"
#include "ingest/text/ascii.hpp"

#include <algorithm>
#include <limits>
#include <memory>
#include <new>
#include <span>
#include <utility>

#include <zlib.h>

namespace tally::ingest {

namespace {

/// First piece of output; small bodies expand in one step.
constexpr std::size_t first_piece_bytes = 64 * 1024;

/// "deflate" is the zlib format (RFC 9110 section 8.4.1.2), but some clients send raw deflate data.
/// The first byte decides: its low four bits are 8 in a zlib header.
class deflate_expander final : public file_expander {
  public:
    explicit deflate_expander(std::string_view body) {
        bool const with_header = !body.empty() && (static_cast<unsigned char>(body[0]) & 0xf) == 8;
        if (inflateInit2(&stream_, with_header ? MAX_WBITS : -MAX_WBITS) != Z_OK) {
            // The arguments are right, so only memory can be missing.
            throw std::bad_alloc();
        }
    }
    ~deflate_expander() override { inflateEnd(&stream_); }

    step expand(std::string_view input, std::span<char> output) noexcept override {
        if (ended_ || !damage_.empty()) {
            return {};
        }
        // zlib's input is not const, but zlib does not write to it.
        stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(input.data()));
        stream_.avail_in = clamp_to_unsigned(input.size());
        stream_.next_out = reinterpret_cast<Bytef*>(output.data());
        stream_.avail_out = clamp_to_unsigned(output.size());

        // zlib counts down what is left; the differences are what it took and made.
        step done{stream_.avail_in, stream_.avail_out};
        int const code = inflate(&stream_, Z_NO_FLUSH);
        done.taken -= stream_.avail_in;
        done.made -= stream_.avail_out;

        // Z_BUF_ERROR only means that it needs more input or more room.
        ended_ = code == Z_STREAM_END;
        if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR) {
            damage_ = "the deflate data is damaged";
        }
        return done;
    }

    [[nodiscard]] bool at_boundary() const noexcept override { return ended_; }

  private:
    z_stream stream_{};
    bool ended_ = false;
};

std::unique_ptr<file_expander> expander_of(content_coding coding, std::string_view body) {
    switch (coding) {
    case content_coding::gzip:
        return make_expander(file_compression::gzip);
    case content_coding::zstd:
        return make_expander(file_compression::zstd);
    case content_coding::deflate:
        return std::make_unique<deflate_expander>(body);
    case content_coding::identity:
        break;
    }
    return nullptr;
}

/// Doubles `out`, to at most one byte over bytes_max: a body that fills this byte is too large.
/// False: no room granted.
bool grow(std::string& out, std::size_t bytes_max,
          std::function<bool(std::size_t)> const& ask_room) {
    std::size_t const wanted = std::max(first_piece_bytes, out.size() * 2);
    std::size_t const size = std::min(wanted, bytes_max + 1);
    if (!ask_room(size - out.size())) {
        return false;
    }
    out.resize(size);
    return true;
}

} // namespace

std::optional<content_coding> parse_content_coding(std::string_view value) noexcept {
    static constexpr std::pair<std::string_view, content_coding> names[] = {
        {"", content_coding::identity},       {"identity", content_coding::identity},
        {"gzip", content_coding::gzip},       {"x-gzip", content_coding::gzip},
        {"deflate", content_coding::deflate}, {"zstd", content_coding::zstd},
    };

    // Names of codings have no case (RFC 9110 section 8.4.1).
    for (auto const& [name, coding] : names) {
        if (equal_ignoring_case(name, value)) {
            return coding;
        }
    }
    return std::nullopt;
}

expand_result expand(content_coding coding, std::string_view body, std::size_t bytes_max,
                     std::function<bool(std::size_t)> const& ask_room, std::string& out) {
    out.clear();
    if (body.empty()) {
        return {};
    }

    // Room is asked for before memory is taken, and the output is never larger than allowed: a
    // small body cannot exhaust memory by expanding.
    std::unique_ptr<file_expander> const expander = expander_of(coding, body);
    std::size_t made = 0;
    for (;;) {
        if (made == out.size() && !grow(out, bytes_max, ask_room)) {
            return {expand_status::no_room, {}};
        }

        // One byte more than allowed is enough to know that the body is too large.
        auto const step = expander->expand(body, std::span{out}.subspan(made));
        body.remove_prefix(step.taken);
        made += step.made;
        if (made > bytes_max) {
            return {expand_status::too_large, {}};
        }
        if (!expander->damage().empty()) {
            return {expand_status::damaged, expander->damage()};
        }

        // No progress: the end, or a body that was cut off. The checks below tell which.
        if (step.taken == 0 && step.made == 0) {
            break;
        }
    }

    // Complete, with nothing after it: else a truncated body would lose its last records silently.
    out.resize(made);
    if (!body.empty()) {
        return {expand_status::damaged, "unexpected bytes follow the compressed data"};
    }
    if (!expander->at_boundary()) {
        return {expand_status::damaged, "the compressed data is cut off"};
    }
    return {};
}

} // namespace tally::ingest
