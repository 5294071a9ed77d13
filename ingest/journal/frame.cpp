#include "ingest/journal/frame.hpp"

#include "ingest/journal/crc32c.hpp"

#include <boost/endian/conversion.hpp>

#include <cstring>

namespace tally::ingest {

namespace {

/// A payload is one push, and a push is far smaller than this. A larger value in a head shows that
/// the bytes are not a frame, before anything is allocated for them.
constexpr std::uint32_t payload_bytes_max = 1U << 30;

template <typename Integer>
void put(char* cursor, Integer value) noexcept {
    boost::endian::native_to_little_inplace(value);
    std::memcpy(cursor, &value, sizeof value);
}

template <typename Integer>
Integer get(char const* cursor) noexcept {
    Integer value = 0;
    std::memcpy(&value, cursor, sizeof value);
    return boost::endian::little_to_native(value);
}

constexpr std::size_t crc_end = 8; ///< the CRC covers what follows it; the length is in `identity`

std::uint32_t crc_of(std::string_view behind_crc, std::uint32_t payload_bytes,
                     frame_location const& location) noexcept {
    // Stream, segment and length are not in the bytes that are covered, but part of the CRC: a
    // frame that was copied into another file, or read with another length, does not match.
    std::array<char, sizeof location.stream.bytes + 12> identity{};
    std::memcpy(identity.data(), location.stream.bytes.data(), location.stream.bytes.size());
    put(identity.data() + location.stream.bytes.size(), location.segment);
    put(identity.data() + location.stream.bytes.size() + 8, payload_bytes);
    return crc32c(behind_crc, crc32c({identity.data(), identity.size()}));
}

frame_head head_at(char const* cursor) noexcept {
    frame_head head;
    // The layout is drawn in frame.hpp.
    head.payload_bytes = get<std::uint32_t>(cursor);
    head.crc = get<std::uint32_t>(cursor + 4);
    head.first_record = get<std::uint64_t>(cursor + 8);
    head.records = get<std::uint32_t>(cursor + 16);
    head.type = static_cast<frame_type>(get<std::uint16_t>(cursor + 20));
    head.durable_bytes = get<std::uint64_t>(cursor + 24);
    head.received = get<std::int64_t>(cursor + 32);
    return head;
}

bool is_zero(std::string_view bytes) noexcept {
    return bytes.find_first_not_of('\0') == std::string_view::npos;
}

} // namespace

void append_frame(std::string& out, frame_head head, std::string_view payload,
                  frame_location const& location) {
    std::size_t const begin = out.size();
    out.resize(begin + frame_bytes(payload.size()));
    char* const cursor = out.data() + begin;

    // resize() has filled the frame with zeros, which the unused bytes and the padding must be.
    head.payload_bytes = static_cast<std::uint32_t>(payload.size());
    put(cursor, head.payload_bytes);
    put(cursor + 8, head.first_record);
    put(cursor + 16, head.records);
    put(cursor + 20, static_cast<std::uint16_t>(head.type));
    put(cursor + 24, head.durable_bytes);
    put(cursor + 32, head.received);
    if (!payload.empty()) {
        std::memcpy(cursor + frame_head_bytes, payload.data(), payload.size());
    }

    // The CRC comes last, since it covers the rest of the head.
    std::string_view const covered{cursor + crc_end, frame_head_bytes - crc_end + payload.size()};
    put(cursor + 4, crc_of(covered, head.payload_bytes, location));
}

frame_view read_frame(std::string_view bytes, frame_location const& location) noexcept {
    frame_view view;
    view.bytes = frame_head_bytes;

    // Zeros are what an allocated segment contains where nothing was written.
    if (bytes.size() < frame_head_bytes) {
        view.state = is_zero(bytes) ? frame_state::none : frame_state::partial;
        return view;
    }
    view.head = head_at(bytes.data());
    if (is_zero(bytes.substr(0, frame_head_bytes))) {
        return view;
    }
    view.state = frame_state::broken;

    // The length is not checked by any CRC yet, so it is bounded before it is used.
    if (view.head.payload_bytes > payload_bytes_max) {
        return view;
    }
    view.bytes = frame_bytes(view.head.payload_bytes);
    if (bytes.size() < view.bytes) {
        view.state = frame_state::partial;
        return view;
    }

    // Everything must be as append_frame writes it, the unused bytes too.
    std::size_t const covered = frame_head_bytes - crc_end + view.head.payload_bytes;
    bool const known = view.head.type == frame_type::records || view.head.type == frame_type::mark;
    std::string_view const padding =
        bytes.substr(frame_head_bytes + view.head.payload_bytes,
                     view.bytes - frame_head_bytes - view.head.payload_bytes);
    if (known && is_zero(padding) && bytes[22] == '\0' && bytes[23] == '\0' &&
        crc_of(bytes.substr(crc_end, covered), view.head.payload_bytes, location) ==
            view.head.crc) {
        view.state = frame_state::whole;
        view.payload = bytes.substr(frame_head_bytes, view.head.payload_bytes);
    }
    return view;
}

} // namespace tally::ingest
