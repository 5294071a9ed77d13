#pragma once

#include "config/settings.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

namespace tally::config {

/// The unit of a number; it decides which suffixes a value may have ("64 MiB", "30 s", "7 days").
enum class unit : std::uint8_t { none, bytes, milliseconds, days };

struct number_setting {
    std::int64_t settings::*member;
    std::int64_t min;
    std::int64_t max;
    unit counts = unit::none;
};

struct flag_setting {
    bool settings::*member;
};

struct text_setting {
    std::string settings::*member;
    /// The fault of a value, as "must be ..."; nullopt for a valid value.
    std::optional<std::string> (*complaint)(std::string_view value);
    std::string_view rule; ///< the rule for the reference page: "one of a, b"
};

/// One row per setting, with everything that is needed to load, check and document it. The default
/// is the member's initializer in settings.hpp.
struct setting {
    std::string_view key; ///< in the file, with dots: "http.listen"
    std::variant<number_setting, text_setting, flag_setting> value;
    std::string_view description; ///< one line, no full stop
};

/// All settings. Those without a dot come first, the others are grouped by section: TOML needs this
/// order.
std::span<setting const> settings_table() noexcept;

/// Index into settings_table() of a key, or nullopt.
std::optional<std::size_t> find_setting(std::string_view key) noexcept;

/// "TALLYD_HTTP_LISTEN" of "http.listen".
std::string environment_name(std::string_view key);

/// "http" of "http.listen"; empty for a key without a section.
std::string_view section_of(std::string_view key) noexcept;

/// The value as text for the settings file: numbers as they are, text in quotes.
std::string value_text(setting const& row, settings const& values);

/// "milliseconds", "bytes", "days"; empty for unit::none.
std::string_view unit_name(unit counts) noexcept;

/// Sets a member from text ("64 MiB", "info"). Returns the fault when the row does not allow it.
std::optional<std::string> set_from_text(setting const& row, std::string_view text,
                                         settings& values);

/// Sets the member of a number. Returns the fault when the number is out of bounds.
std::optional<std::string> set_number(number_setting const& row, std::int64_t number,
                                      settings& values);

} // namespace tally::config
