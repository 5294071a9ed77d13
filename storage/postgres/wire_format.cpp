#include "storage/postgres/wire_format.hpp"

#include <algorithm>
#include <arpa/inet.h>

namespace tally::storage::wire {

namespace {

using rating::nanos_per_unit;

// A numeric is stored in groups of four decimal digits: count of groups, weight of the first group
// (as a power of 10000), sign, number of decimals shown, then the groups, without zero groups at
// either end. Nine decimals are three groups; the last three digits of the third are zero.
constexpr std::int16_t sign_positive = 0x0000;
constexpr std::int16_t sign_negative = 0x4000;
constexpr std::int16_t decimals = 9;
constexpr int group_base = 10'000;
constexpr int fraction_groups = 3;
constexpr int whole_groups_max = 8; ///< 2^127 / 10^9 has 30 digits

/// The groups of a magnitude, least significant last, from index `first` to before `end`.
struct groups {
    std::int16_t digits[whole_groups_max + fraction_groups];
    int first = whole_groups_max;
    int end = whole_groups_max + fraction_groups;
};

template <typename Unsigned>
groups split(Unsigned magnitude) noexcept {
    groups out{};
    // Nine decimals are four digits, four digits and one, which is the first of its group.
    auto const fraction =
        static_cast<std::uint64_t>(magnitude % static_cast<Unsigned>(nanos_per_unit));
    Unsigned whole = magnitude / static_cast<Unsigned>(nanos_per_unit);
    out.digits[whole_groups_max] = static_cast<std::int16_t>(fraction / 100'000);
    out.digits[whole_groups_max + 1] = static_cast<std::int16_t>(fraction / 10 % group_base);
    out.digits[whole_groups_max + 2] = static_cast<std::int16_t>(fraction % 10 * 1000);

    // The whole part, from its least significant group on.
    while (whole != 0) {
        out.digits[--out.first] =
            static_cast<std::int16_t>(whole % static_cast<Unsigned>(group_base));
        whole /= static_cast<Unsigned>(group_base);
    }

    // PostgreSQL expects no zero groups at either end.
    while (out.first < out.end && out.digits[out.first] == 0) {
        ++out.first;
    }
    while (out.end > out.first && out.digits[out.end - 1] == 0) {
        --out.end;
    }
    return out;
}

char* put_groups(char* cursor, groups const& value, bool negative) noexcept {
    // Length, count, weight, sign, scale, then the groups: what numeric_recv() reads. Zero has no
    // groups and no sign.
    int const count = value.end - value.first;
    cursor = put_int32(cursor, 8 + 2 * count);
    cursor = put_int16(cursor, static_cast<std::int16_t>(count));
    cursor = put_int16(
        cursor, static_cast<std::int16_t>(count == 0 ? 0 : whole_groups_max - 1 - value.first));
    cursor = put_int16(cursor, negative && count != 0 ? sign_negative : sign_positive);
    cursor = put_int16(cursor, decimals);
    for (int i = value.first; i < value.end; ++i) {
        cursor = put_int16(cursor, value.digits[i]);
    }
    return cursor;
}

__extension__ using uint128 = unsigned __int128;

/// 10^9 * 10000^weight, or nullopt if that is not a whole number of nanos that fits 128 bits.
std::optional<uint128> unit_of(int weight) noexcept {
    // Negative weights are groups of decimals.
    switch (weight) {
    case -3:
        return std::nullopt; // only the first of its four digits is within nine decimals
    case -2:
        return 10;
    case -1:
        return 100'000;
    default:
        break;
    }
    if (weight < -3 || weight > 7) {
        return std::nullopt;
    }

    // Weight 7 means 10^28, which with nine decimals is 10^37: just below 2^127.
    auto unit = static_cast<uint128>(nanos_per_unit);
    for (int i = 0; i < weight; ++i) {
        unit *= group_base;
    }
    return unit;
}

/// Adds one group to `sum`; false if it does not fit or is finer than a nano.
bool add_group(uint128& sum, int digit, int weight) noexcept {
    constexpr uint128 largest = static_cast<uint128>(1) << 127;
    // Trailing zero groups may be finer than a nano, and are still zero.
    if (digit == 0) {
        return true;
    }

    // A finer digit than a nano would be lost, and a cost must be exact.
    uint128 part = 0;
    if (weight == -3 && digit % 1000 == 0) {
        part = static_cast<uint128>(digit / 1000);
    } else if (auto const unit = unit_of(weight)) {
        if (*unit > largest / static_cast<uint128>(digit)) {
            return false;
        }
        part = *unit * static_cast<uint128>(digit);
    } else {
        return false;
    }

    // 2^127 itself is let through: it is the magnitude of the least value.
    if (part > largest - sum) {
        return false;
    }
    sum += part;
    return true;
}

} // namespace

char* put_numeric_field(char* cursor, std::int64_t nanos) noexcept {
    bool const negative = nanos < 0;
    auto const magnitude =
        negative ? 0 - static_cast<std::uint64_t>(nanos) : static_cast<std::uint64_t>(nanos);
    return put_groups(cursor, split(magnitude), negative);
}

char* put_numeric_field(char* cursor, rating::int128 nanos) noexcept {
    // Nearly all amounts fit 64 bits, whose divisions cost less than those of 128.
    if (nanos >= INT64_MIN && nanos <= INT64_MAX) {
        return put_numeric_field(cursor, static_cast<std::int64_t>(nanos));
    }
    bool const negative = nanos < 0;
    auto const magnitude = negative ? 0 - static_cast<uint128>(nanos) : static_cast<uint128>(nanos);
    return put_groups(cursor, split(magnitude), negative);
}

std::optional<rating::amount_sum> get_numeric_sum(std::string_view value) noexcept {
    // The four integers before the groups; the bytes come from the server, but their number is
    // checked.
    if (value.size() < 8) {
        return std::nullopt;
    }

    // The header, and whether all groups that it counts are there.
    int const count = get_int16(value.data());
    int const weight = get_int16(value.data() + 2);
    // NaN and the infinities have signs of their own, and are no amounts.
    std::int16_t const sign = get_int16(value.data() + 4);
    if ((sign != sign_positive && sign != sign_negative) || count < 0 ||
        value.size() < 8 + 2 * static_cast<std::size_t>(count)) {
        return std::nullopt;
    }

    // The magnitude first: its largest value does not fit the signed type.
    uint128 sum = 0;
    for (int i = 0; i < count; ++i) {
        if (!add_group(sum, get_int16(value.data() + 8 + 2 * i), weight - i)) {
            return std::nullopt;
        }
    }

    // The magnitude of the least int128 is one more than that of the greatest.
    if (sum > (static_cast<uint128>(1) << 127) - (sign == sign_negative ? 0 : 1)) {
        return std::nullopt;
    }
    return rating::amount_sum{static_cast<rating::int128>(sign == sign_negative ? 0 - sum : sum)};
}

std::optional<rating::amount> get_numeric(std::string_view value) noexcept {
    auto const sum = get_numeric_sum(value);
    if (!sum || sum->nanos < INT64_MIN || sum->nanos > INT64_MAX) {
        return std::nullopt;
    }
    return rating::amount{static_cast<std::int64_t>(sum->nanos)};
}

char* put_optional_inet_field(char* cursor, std::string_view address) noexcept {
    // As inet_recv reads it: family, netmask bits, cidr flag, length of the address, the address.
    constexpr char family_v4 = 2;
    constexpr char family_v6 = 3;
    // inet_pton() needs a NUL at the end, which a view does not have.
    char text[INET6_ADDRSTRLEN] = {};
    if (address.empty() || address.size() >= sizeof text) {
        return put_null(cursor);
    }
    std::copy(address.begin(), address.end(), text);

    // Text that is no address becomes NULL: it comes from a client's header and must not cost the
    // event.
    char bytes[16];
    bool const is_v4 = inet_pton(AF_INET, text, bytes) == 1;
    if (!is_v4 && inet_pton(AF_INET6, text, bytes) != 1) {
        return put_null(cursor);
    }

    // A single address: the netmask has all bits.
    std::size_t const size = is_v4 ? 4 : 16;
    cursor = put_int32(cursor, static_cast<std::int32_t>(4 + size));
    *cursor++ = is_v4 ? family_v4 : family_v6;
    *cursor++ = static_cast<char>(size * 8);
    *cursor++ = 0;
    *cursor++ = static_cast<char>(size);
    return put_bytes(cursor, {bytes, size});
}

} // namespace tally::storage::wire
