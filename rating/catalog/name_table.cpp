#include "rating/catalog/name_table.hpp"

#include <boost/unordered/unordered_flat_set.hpp>
#include <cstdint>
#include <cstring>
#include <functional>
#include <limits>
#include <stdexcept>
#include <string>

namespace tally::rating {

namespace {

using offset = std::uint32_t;
using length = std::uint16_t;

constexpr std::size_t head_bytes = sizeof(catalog_index) + sizeof(length);

catalog_index index_at(std::string const& buffer, offset start_offset) noexcept {
    catalog_index index = 0;
    std::memcpy(&index, buffer.data() + start_offset, sizeof index);
    return index;
}

std::string_view name_at(std::string const& buffer, offset start_offset) noexcept {
    length size = 0;
    std::memcpy(&size, buffer.data() + start_offset + sizeof(catalog_index), sizeof size);
    return {buffer.data() + start_offset + head_bytes, size};
}

struct name_hash {
    // Look-ups are by text; without this, a name would have to be in the buffer to be searched for.
    using is_transparent = void;
    std::string const* buffer;
    std::size_t operator()(std::string_view name) const noexcept {
        return std::hash<std::string_view>{}(name);
    }
    std::size_t operator()(offset start_offset) const noexcept {
        return (*this)(name_at(*buffer, start_offset));
    }
};

struct name_equal {
    using is_transparent = void;
    std::string const* buffer;
    bool operator()(offset a, offset b) const noexcept {
        return name_at(*buffer, a) == name_at(*buffer, b);
    }
    bool operator()(std::string_view name, offset start_offset) const noexcept {
        return name == name_at(*buffer, start_offset);
    }
    bool operator()(offset start_offset, std::string_view name) const noexcept {
        return name == name_at(*buffer, start_offset);
    }
};

} // namespace

struct name_table::impl {
    std::string buffer;
    boost::unordered_flat_set<offset, name_hash, name_equal> offsets{0, name_hash{&buffer},
                                                                     name_equal{&buffer}};
};

name_table::name_table() : impl_(std::make_unique<impl>()) {}
name_table::~name_table() = default;

void name_table::reserve(std::size_t names) {
    impl_->offsets.reserve(names);
}

void name_table::add(std::string_view name, catalog_index index) {
    if (name.empty() || find(name) != no_index) {
        return;
    }

    // An offset or a length that does not fit would read another name.
    std::string& buffer = impl_->buffer;
    if (name.size() > std::numeric_limits<length>::max() ||
        buffer.size() > std::numeric_limits<offset>::max()) {
        throw std::length_error("a name too many or too long for the catalog");
    }

    // The layout of the class comment: index, length, name. memcpy reads them back, since they are
    // not aligned.
    auto const start_offset = static_cast<offset>(buffer.size());
    auto const size = static_cast<length>(name.size());
    buffer.append(reinterpret_cast<char const*>(&index), sizeof index);
    buffer.append(reinterpret_cast<char const*>(&size), sizeof size);
    buffer.append(name);
    impl_->offsets.insert(start_offset);
}

catalog_index name_table::find(std::string_view name) const noexcept {
    auto const found = impl_->offsets.find(name);
    return found == impl_->offsets.end() ? no_index : index_at(impl_->buffer, *found);
}

std::size_t name_table::size() const noexcept {
    return impl_->offsets.size();
}

} // namespace tally::rating
