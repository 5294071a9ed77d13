#pragma once

#include "ingest/base/hash.hpp"

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace tally::ingest {

/// A UUID (RFC 9562) in network byte order, as PostgreSQL's binary format has it.
struct uuid {
    std::array<std::uint8_t, 16> bytes{};

    friend auto operator<=>(uuid const&, uuid const&) = default;
    [[nodiscard]] bool is_nil() const noexcept { return *this == uuid{}; }
};

/// Reads the 36-character form, upper or lower case. Anything else is nullopt.
std::optional<uuid> parse_uuid(std::string_view text) noexcept;

/// Lower-case 36-character form.
std::string to_string(uuid const& id);
void append_text(uuid const& id, std::string& out);

/// Name-based UUID, version 5 (SHA-1; RFC 9562 section 5.5).
uuid uuid_v5(uuid const& uuid_namespace, std::string_view name) noexcept;

/// Time-ordered UUID, version 7 (RFC 9562 section 5.7), of the current time. Any thread.
uuid uuid_v7();

/// The namespace in which uuid_v5 maps call ids that are not UUIDs:
/// 7e2b6a54-3c1d-5f0e-9a48-746c6c796401.
inline constexpr uuid call_id_name_space{{0x7e, 0x2b, 0x6a, 0x54, 0x3c, 0x1d, 0x5f, 0x0e, 0x9a,
                                          0x48, 0x74, 0x6c, 0x6c, 0x79, 0x64, 0x01}};

/// For hash tables. Mixes all 16 bytes, since ids of version 7 share their first ones.
struct uuid_hash {
    using is_avalanching = void;
    std::size_t operator()(uuid const& id) const noexcept {
        std::uint64_t high = 0;
        std::uint64_t low = 0;
        std::memcpy(&high, id.bytes.data(), 8);
        std::memcpy(&low, id.bytes.data() + 8, 8);
        std::uint64_t mixed = combined_hash(high, low) * 0xbf58476d1ce4e5b9ULL;
        mixed ^= mixed >> 31;
        mixed *= 0x94d049bb133111ebULL;
        return static_cast<std::size_t>(mixed ^ (mixed >> 29));
    }
};

} // namespace tally::ingest
