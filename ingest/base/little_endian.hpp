#pragma once

#include "ingest/base/uuid.hpp"

#include <boost/endian/conversion.hpp>

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace tally::ingest {

/// Appends an integer, little-endian.
template <typename Integer>
void put_number(std::string& out, Integer value) {
    boost::endian::native_to_little_inplace(value);
    out.append(reinterpret_cast<char const*>(&value), sizeof value);
}

inline void put_id(std::string& out, uuid const& id) {
    out.append(reinterpret_cast<char const*>(id.bytes.data()), id.bytes.size());
}

/// Takes fields off the front of bytes that put_number() and put_id() wrote. `ok` becomes false,
/// and stays false, when there are not enough bytes; what is taken then is zero or empty.
struct field_reader {
    std::string_view left;
    bool ok = true;

    std::string_view take_bytes(std::size_t count) {
        ok = ok && count <= left.size();
        if (!ok) {
            return {};
        }
        auto const bytes = left.substr(0, count);
        left.remove_prefix(count);
        return bytes;
    }
    template <typename Integer>
    Integer take_number() {
        Integer value = 0;
        if (auto const bytes = take_bytes(sizeof value); ok) {
            std::memcpy(&value, bytes.data(), sizeof value);
        }
        return boost::endian::little_to_native(value);
    }
    uuid take_id() {
        uuid id;
        if (auto const bytes = take_bytes(id.bytes.size()); ok) {
            std::memcpy(id.bytes.data(), bytes.data(), bytes.size());
        }
        return id;
    }
    /// A field that its length precedes (4 bytes).
    std::string_view take() { return take_bytes(take_number<std::uint32_t>()); }
};

} // namespace tally::ingest
