#include "tests/ingest/push/compress.hpp"

#include <stdexcept>

#include <zlib.h>
#include <zstd.h>

namespace tally::tests {

namespace {

std::string deflated(std::string_view plain, int window_bits) {
    z_stream stream{};
    if (deflateInit2(&stream, 9, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        throw std::runtime_error("deflateInit2");
    std::string out(deflateBound(&stream, plain.size()) + 64, '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(plain.data()));
    stream.avail_in = static_cast<uInt>(plain.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    int const code = deflate(&stream, Z_FINISH);
    out.resize(stream.total_out);
    deflateEnd(&stream);
    if (code != Z_STREAM_END)
        throw std::runtime_error("deflate");
    return out;
}

} // namespace

std::string gzipped(std::string_view plain) {
    return deflated(plain, 15 + 16);
}
std::string zlib_deflated(std::string_view plain) {
    return deflated(plain, 15);
}
std::string bare_deflated(std::string_view plain) {
    return deflated(plain, -15);
}

std::string zstd_compressed(std::string_view plain) {
    std::string out(ZSTD_compressBound(plain.size()), '\0');
    std::size_t const size = ZSTD_compress(out.data(), out.size(), plain.data(), plain.size(), 3);
    if (ZSTD_isError(size) != 0)
        throw std::runtime_error("ZSTD_compress");
    out.resize(size);
    return out;
}

} // namespace tally::tests
