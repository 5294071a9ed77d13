#include "ingest/journal/frame.hpp"

#include "ingest/journal/crc32c.hpp"

#include <boost/endian/conversion.hpp>

#include <cstring>

namespace tally::ingest {

namespace {

/// A payload is one push, and a push is far smaller than this. A larger value in a head shows that
/// the bytes are not a frame, before anything is allocated for them.
constexpr std::uint32_t payload_bytes_max = 1U << 30;

template <class integer>
void put(char* at, integer value) noexcept {
    boost::endian::native_to_little_inplace(value);
    std::memcpy(at, &value, sizeof value);
}

template <class integer>
integer get(char const* at) noexcept {
    integer value = 0;
    std::memcpy(&value, at, sizeof value);
    return boost::endian::little_to_native(value);
}

constexpr std::size_t crc_end = 8; ///< the CRC covers what follows it; the length is in `identity`

std::uint32_t crc_of(std::string_view behind_crc, std::uint32_t payload_bytes,
                     frame_place const& place) noexcept {
    std::array<char, sizeof place.stream.bytes + 12> identity{};
    std::memcpy(identity.data(), place.stream.bytes.data(), place.stream.bytes.size());
    put(identity.data() + place.stream.bytes.size(), place.segment);
    put(identity.data() + place.stream.bytes.size() + 8, payload_bytes);
    return crc32c(behind_crc, crc32c({identity.data(), identity.size()}));
}

frame_head head_at(char const* at) noexcept {
    frame_head head;
    head.payload_bytes = get<std::uint32_t>(at);
    head.crc = get<std::uint32_t>(at + 4);
    head.first_record = get<std::uint64_t>(at + 8);
    head.records = get<std::uint32_t>(at + 16);
    head.type = static_cast<frame_type>(get<std::uint16_t>(at + 20));
    head.durable_bytes = get<std::uint64_t>(at + 24);
    head.received = get<std::int64_t>(at + 32);
    return head;
}

bool is_zero(std::string_view bytes) noexcept {
    return bytes.find_first_not_of('\0') == std::string_view::npos;
}

} // namespace

void append_frame(std::string& out, frame_head head, std::string_view payload,
                  frame_place const& place) {
    std::size_t const begin = out.size();
    out.resize(begin + frame_bytes(payload.size()));
    char* const at = out.data() + begin;
    head.payload_bytes = static_cast<std::uint32_t>(payload.size());
    put(at, head.payload_bytes);
    put(at + 8, head.first_record);
    put(at + 16, head.records);
    put(at + 20, static_cast<std::uint16_t>(head.type));
    put(at + 24, head.durable_bytes);
    put(at + 32, head.received);
    if (!payload.empty()) {
        std::memcpy(at + frame_head_bytes, payload.data(), payload.size());
    }
    std::string_view const covered{at + crc_end, frame_head_bytes - crc_end + payload.size()};
    put(at + 4, crc_of(covered, head.payload_bytes, place));
}

frame_view read_frame(std::string_view bytes, frame_place const& place) noexcept {
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
        crc_of(bytes.substr(crc_end, covered), view.head.payload_bytes, place) == view.head.crc) {
        view.state = frame_state::whole;
        view.payload = bytes.substr(frame_head_bytes, view.head.payload_bytes);
    }
    return view;
}

} // namespace tally::ingest
