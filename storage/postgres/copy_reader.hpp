#pragma once

#include "storage/postgres/copy_encoder.hpp"
#include "storage/postgres/wire_format.hpp"

#include <optional>
#include <string_view>

namespace tally::storage {

/// Reads the fields of one row of COPY ... TO STDOUT (FORMAT binary), left to right. The caller
/// knows the columns; a field that is missing or has another size reads as the default.
class copy_fields {
  public:
    /// One chunk as the server sends it: a row, the header and the first row, or the trailer.
    explicit copy_fields(std::string_view chunk) noexcept : rest_(chunk) {
        if (rest_.starts_with(copy_header.substr(0, 11))) {
            rest_.remove_prefix(copy_header.size());
        }
        left_ = rest_.size() < 2 ? 0 : wire::get_int16(rest_.data());
        rest_.remove_prefix(rest_.size() < 2 ? rest_.size() : 2);
    }

    /// False for the trailer.
    [[nodiscard]] bool is_row() const noexcept { return left_ > 0; }

    /// The next field; nullopt for NULL.
    std::optional<std::string_view> next() noexcept {
        if (left_-- <= 0 || rest_.size() < 4) {
            return std::nullopt;
        }
        std::int32_t const length = wire::get_int32(rest_.data());
        rest_.remove_prefix(4);
        if (length < 0 || static_cast<std::size_t>(length) > rest_.size()) {
            return std::nullopt;
        }
        std::string_view const value = rest_.substr(0, static_cast<std::size_t>(length));
        rest_.remove_prefix(value.size());
        return value;
    }
    std::string_view text() noexcept { return next().value_or(std::string_view{}); }
    bool boolean() noexcept { return text() == std::string_view{"\1", 1}; }
    std::int16_t int16() noexcept {
        auto const value = text();
        return value.size() == 2 ? wire::get_int16(value.data()) : std::int16_t{0};
    }
    std::int32_t int32() noexcept {
        auto const value = text();
        return value.size() == 4 ? wire::get_int32(value.data()) : 0;
    }
    ingest::time_us time(ingest::time_us none) noexcept {
        auto const value = text();
        return value.size() == 8 ? wire::from_timestamp(wire::get_int64(value.data())) : none;
    }
    ingest::uuid uuid() noexcept {
        ingest::uuid id;
        if (auto const value = text(); value.size() == id.bytes.size()) {
            std::memcpy(id.bytes.data(), value.data(), value.size());
        }
        return id;
    }

  private:
    std::string_view rest_;
    int left_ = 0;
};

} // namespace tally::storage
