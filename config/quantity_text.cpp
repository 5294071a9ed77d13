#include "config/quantity_text.hpp"

#include <algorithm>
#include <charconv>
#include <span>

namespace tally::config {
namespace {

struct suffix {
    std::string_view text;
    std::int64_t factor;
    bool shown; ///< whether quantity_text uses it
};

constexpr std::int64_t kilo = 1000;
constexpr std::int64_t mega = 1000 * kilo;
constexpr std::int64_t giga = 1000 * mega;
constexpr std::int64_t tera = 1000 * giga;
constexpr std::int64_t kibi = 1024;
constexpr std::int64_t mebi = 1024 * kibi;
constexpr std::int64_t gibi = 1024 * mebi;
constexpr std::int64_t tebi = 1024 * gibi;

// A number without a unit: "1 k" would be ambiguous (1000 or 1024).
constexpr suffix no_suffixes[] = {{"", 1, true}};

// The suffixes ascend: quantity_text takes the last one that divides the number.
constexpr suffix byte_suffixes[] = {
    {"", 1, false},      {"B", 1, true},      {"kB", kilo, false}, {"KB", kilo, false},
    {"KiB", kibi, true}, {"MB", mega, false}, {"MiB", mebi, true}, {"GB", giga, false},
    {"GiB", gibi, true}, {"TB", tera, false}, {"TiB", tebi, true},
};

// A number alone is in the setting's own unit, which its key names.
constexpr suffix millisecond_suffixes[] = {
    {"", 1, false},        {"ms", 1, true},        {"s", 1000, true},
    {"min", 60'000, true}, {"h", 3'600'000, true}, {"d", 86'400'000, true},
};

constexpr suffix day_suffixes[] = {
    {"", 1, false}, {"d", 1, true}, {"day", 1, false}, {"days", 1, false}};

std::span<suffix const> suffixes(unit counts) noexcept {
    switch (counts) {
    case unit::bytes:
        return byte_suffixes;
    case unit::milliseconds:
        return millisecond_suffixes;
    case unit::days:
        return day_suffixes;
    case unit::none:
        break;
    }
    return no_suffixes;
}

std::string_view trimmed(std::string_view text) noexcept {
    constexpr std::string_view blanks = " \t";
    auto const first = text.find_first_not_of(blanks);
    if (first == std::string_view::npos) {
        return {};
    }
    return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

} // namespace

std::optional<std::int64_t> parse_quantity(std::string_view text, unit counts) noexcept {
    // "64MiB" and "64 MiB" are the same.
    text = trimmed(text);
    std::int64_t number = 0;
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{}) {
        return std::nullopt;
    }

    // A suffix must be written exactly: "mb" may mean bits, and "M" minutes.
    auto const word = trimmed(text.substr(static_cast<std::size_t>(end - text.data())));
    for (auto const& candidate : suffixes(counts)) {
        if (candidate.text == word) {
            std::int64_t product = 0;
            // "9999999 TiB" must be a problem, not a small number.
            bool const overflows = __builtin_mul_overflow(number, candidate.factor, &product);
            return overflows ? std::nullopt : std::optional{product};
        }
    }
    return std::nullopt;
}

std::string_view quantity_suffixes(unit counts) noexcept {
    switch (counts) {
    case unit::bytes:
        return "B, kB, MB, GB, TB, KiB, MiB, GiB, TiB";
    case unit::milliseconds:
        return "ms, s, min, h, d";
    case unit::days:
        return "d, days";
    case unit::none:
        break;
    }
    return {};
}

std::string quantity_text(std::int64_t number, unit counts) {
    auto const all = suffixes(counts);
    // The first one that is shown has the factor 1, so there is always one. 0 is shown with it:
    // every factor divides 0.
    auto const* best =
        &*std::find_if(all.begin(), all.end(), [](auto const& s) { return s.shown; });

    // The largest unit that loses nothing: 1536 MiB is not shown as 1.5 GiB.
    for (auto const& candidate : all) {
        bool const divides = number != 0 && number % candidate.factor == 0;
        if (candidate.shown && divides) {
            best = &candidate;
        }
    }
    auto text = std::to_string(number / best->factor);
    if (!best->text.empty()) {
        text.append(" ").append(best->text);
    }
    return text;
}

} // namespace tally::config
