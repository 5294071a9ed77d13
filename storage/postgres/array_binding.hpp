#pragma once

#include "storage/postgres/copy_encoder.hpp"

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <span>
#include <string_view>
#include <vector>

namespace tally::storage {

// Helpers of the classes that turn rows into the arrays of a statement.

/// Sets `order` to the indices of `rows`, sorted by `key(row)`.
template <typename Row, typename Key>
void sort_indices(std::span<Row const> rows, std::vector<std::uint32_t>& order, Key&& key) {
    order.resize(rows.size());
    std::iota(order.begin(), order.end(), 0U);
    std::sort(order.begin(), order.end(),
              [&](std::uint32_t a, std::uint32_t b) { return key(rows[a]) < key(rows[b]); });
}

template <typename... Array>
void clear_all(Array&... arrays) {
    (arrays.clear(), ...);
}

/// NULL for the nil id.
inline void add_optional(array_parameter& parameters, ingest::uuid const& id) {
    if (id.is_nil()) {
        parameters.add_null();
    } else {
        parameters.add(id);
    }
}

/// NULL for an empty text.
inline void add_optional(array_parameter& parameters, std::string_view text) {
    if (text.empty()) {
        parameters.add_null();
    } else {
        parameters.add_bytes(text);
    }
}

/// Makes the arrays the parameters of a statement, in this order.
template <typename... Array>
parameters& bind(parameters& values, Array&... arrays) {
    values.clear();
    (values.add(arrays), ...);
    return values;
}

} // namespace tally::storage
