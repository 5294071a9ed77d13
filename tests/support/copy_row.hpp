#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tally::tests {

using copy_field = std::optional<std::string>; ///< the value's bytes; nullopt: NULL

/// The unsigned number of these bytes, most significant first.
inline std::uint64_t big_endian(std::string_view bytes) {
    std::uint64_t value = 0;
    for (char const c : bytes) {
        value = value << 8 | static_cast<unsigned char>(c);
    }
    return value;
}

/// The fields of one row in COPY's binary format; nullopt if the bytes are not exactly one row.
inline std::optional<std::vector<copy_field>> copy_fields(std::string_view row) {
    auto const take = [&row](std::size_t bytes) {
        auto const part = row.substr(0, bytes);
        row.remove_prefix(part.size());
        return part;
    };
    std::vector<copy_field> fields(big_endian(take(2)));
    for (auto& field : fields) {
        if (row.size() < 4) {
            return std::nullopt;
        }
        auto const length = static_cast<std::int32_t>(big_endian(take(4)));
        if (length < -1 || static_cast<std::size_t>(std::max(length, 0)) > row.size()) {
            return std::nullopt;
        }
        if (length != -1) {
            field = take(static_cast<std::size_t>(length));
        }
    }
    return row.empty() ? std::optional{fields} : std::nullopt;
}

/// The columns that a COPY statement names.
inline std::vector<std::string> copy_columns(std::string_view sql) {
    std::vector<std::string> names;
    auto const begin = sql.find('(') + 1;
    std::string_view list = sql.substr(begin, sql.find(')') - begin);
    while (!list.empty()) {
        auto const comma = std::min(list.find(", "), list.size());
        names.emplace_back(list.substr(0, comma));
        list.remove_prefix(std::min(comma + 2, list.size()));
    }
    return names;
}

/// Column -> field of a row; empty if their numbers differ.
inline std::map<std::string, copy_field> copy_values(std::string_view sql, std::string_view row) {
    auto const names = copy_columns(sql);
    auto const fields = copy_fields(row);
    std::map<std::string, copy_field> values;
    if (fields && fields->size() == names.size()) {
        for (std::size_t i = 0; i < names.size(); ++i) {
            values.emplace(names[i], (*fields)[i]);
        }
    }
    return values;
}

} // namespace tally::tests
