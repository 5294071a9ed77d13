#pragma once

#include "rating/catalog/catalog.hpp"

#include <cstddef>
#include <memory>
#include <string_view>

namespace tally::rating {

/// From names to places in a table of the catalog. The names stand one behind the other in one
/// buffer, each with its length and place in front; the hash table holds 4-byte offsets:
///
///     offset ->  | place 4 | length 2 | name ... |
///
/// so a name costs 6 bytes beside its text and some 8 of hash table, and a lookup two cache misses.
/// Filled by the catalog's constructor, then only read, by any number of threads.
class name_table {
  public:
    name_table();
    ~name_table();
    name_table(name_table const&) = delete;
    name_table& operator=(name_table const&) = delete;

    void reserve(std::size_t names);
    /// An empty name is left out; of names alike the first stays. Throws std::length_error for a
    /// name of more than 65,535 bytes and when 4 GiB are full.
    void add(std::string_view name, catalog_index place);
    /// `no_index` when it is not there.
    [[nodiscard]] catalog_index find(std::string_view name) const noexcept;
    [[nodiscard]] std::size_t size() const noexcept;

  private:
    struct impl;
    std::unique_ptr<impl> impl_;
};

} // namespace tally::rating
