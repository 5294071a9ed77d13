#include "bench/support/repeatable_random.hpp"

namespace tally::bench {
namespace {

void set_version(ingest::uuid& id, std::uint8_t version) {
    id.bytes[6] = static_cast<std::uint8_t>((id.bytes[6] & 0x0f) | (version << 4));
    id.bytes[8] = static_cast<std::uint8_t>((id.bytes[8] & 0x3f) | 0x80);
}

void put_big_endian(std::uint64_t value, std::span<std::uint8_t> out) {
    for (auto cursor = out.rbegin(); cursor != out.rend(); ++cursor) {
        *cursor = static_cast<std::uint8_t>(value);
        value >>= 8;
    }
}

} // namespace

std::uint64_t repeatable_random::below(std::uint64_t bound) {
    // Without this check the first `skewed` values would be more likely than the others.
    std::uint64_t const skewed = (0 - bound) % bound;
    std::uint64_t value = next();
    while (value < skewed) {
        value = next();
    }
    return value % bound;
}

std::int64_t repeatable_random::between(std::int64_t first, std::int64_t last) {
    auto const span = static_cast<std::uint64_t>(last - first) + 1;
    return first + static_cast<std::int64_t>(below(span));
}

ingest::uuid repeatable_random::uuid_v4() {
    ingest::uuid id;
    put_big_endian(next(), std::span{id.bytes}.first<8>());
    put_big_endian(next(), std::span{id.bytes}.last<8>());
    set_version(id, 4);
    return id;
}

ingest::uuid repeatable_random::uuid_v7(std::uint64_t unix_ms) {
    ingest::uuid id = uuid_v4();
    put_big_endian(unix_ms, std::span{id.bytes}.first<6>());
    set_version(id, 7);
    return id;
}

} // namespace tally::bench
