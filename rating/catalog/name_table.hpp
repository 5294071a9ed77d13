#pragma once

#include "rating/catalog/catalog.hpp"

#include <cstddef>
#include <memory>
#include <string_view>

namespace tally::rating {

/// Maps names to indices of a table of the catalog. One buffer holds all names, each after its
/// index and its length; the hash table holds 4-byte offsets into the buffer:
///
///     offset ->  | index 4 | length 2 | name ... |
///
/// So a name costs 6 bytes besides its text and about 8 bytes of hash table, and a lookup costs two
/// cache misses. The catalog's constructor fills the table; afterwards any number of threads may
/// read it.
class name_table {
  public:
    name_table();
    ~name_table();
    name_table(name_table const&) = delete;
    name_table& operator=(name_table const&) = delete;

    void reserve(std::size_t names);
    /// Ignores an empty name and a name that the table already has. Throws std::length_error for a
    /// name of more than 65,535 bytes, and when the buffer has reached 4 GiB.
    void add(std::string_view name, catalog_index index);
    /// `no_index` when the table does not have the name.
    [[nodiscard]] catalog_index find(std::string_view name) const noexcept;
    [[nodiscard]] std::size_t size() const noexcept;

  private:
    struct impl;
    std::unique_ptr<impl> impl_;
};

} // namespace tally::rating
