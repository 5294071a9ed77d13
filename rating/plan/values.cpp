#include "rating/plan/values.hpp"

#include "ingest/json/utf8_text.hpp"
#include "ingest/text/local_clock.hpp"
#include "ingest/text/timestamp.hpp"
#include "rating/number/prefix_index.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <vector>

namespace tally::rating {

namespace {

/// A longer name is not a mistyped key. The limit bounds the work on hostile input.
constexpr std::size_t name_characters_max = 64;

/// The Levenshtein distance, with one row of the usual table.
std::size_t edits_between(std::string_view a, std::string_view b) {
    // The row above is overwritten from left to right; `diagonal` keeps the one value of it that is
    // still needed.
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) {
        row[j] = j;
    }
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = std::exchange(row[0], i);
        for (std::size_t j = 1; j <= b.size(); ++j) {
            std::size_t const replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            diagonal = row[j];
            row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
        }
    }
    return row[b.size()];
}

std::string two_digits(std::int64_t number) {
    return (number < 10 ? "0" : "") + std::to_string(number);
}

/// The number at [from, from + count) of the text; nullopt when these are not all digits.
std::optional<std::uint32_t> digits_at(std::string_view text, std::size_t begin,
                                       std::size_t count) noexcept {
    return text.size() < begin + count ? std::nullopt
                                       : parse_whole(text.substr(begin, count), 9999);
}

} // namespace

std::string listed(std::span<std::string_view const> names) {
    std::string text = "one of ";
    for (auto const& name : names) {
        text.append(name).append(&name == &names.back() ? "" : ", ");
    }
    return text;
}

std::string_view nearest_of(std::string_view mistyped, std::span<std::string_view const> names) {
    // At most one edit per three characters: a name that is further away is not a typing mistake.
    std::string_view best;
    std::size_t fewest = std::max<std::size_t>(mistyped.size() / 3, 1) + 1;
    if (mistyped.size() > name_characters_max) {
        return best;
    }

    // Of names that are equally near the first one is meant.
    for (auto const name : names) {
        auto const edits = edits_between(mistyped, name);
        if (edits < fewest) {
            fewest = edits;
            best = name;
        }
    }
    return best;
}

std::optional<std::uint32_t> parse_whole(std::string_view text, std::uint32_t max) noexcept {
    std::uint32_t value = 0;
    auto const* const end = text.data() + text.size();
    auto const [stopped, error] = std::from_chars(text.data(), end, value);
    // from_chars stops at the first other character, so the end is checked as well.
    return error == std::errc{} && stopped == end && value <= max ? std::optional{value}
                                                                  : std::nullopt;
}

std::optional<std::int32_t> parse_clock(std::string_view text) noexcept {
    // 24:00 is the end of a day; a band needs it, and no other time may exceed it.
    auto const hours = digits_at(text, 0, 2);
    auto const minutes = digits_at(text, 3, 2);
    auto const seconds = text.size() == 5 ? std::optional{0U} : digits_at(text, 6, 2);
    bool const is_shaped = (text.size() == 5 || (text.size() == 8 && text[5] == ':')) &&
                           text[2] == ':' && hours && minutes && seconds;
    if (!is_shaped || *minutes > 59 || *seconds > 59) {
        return std::nullopt;
    }

    auto const second = static_cast<std::int32_t>((*hours * 60 + *minutes) * 60 + *seconds);
    return second <= band::day_s ? std::optional{second} : std::nullopt;
}

std::string clock_text(std::int32_t second_of_day) {
    std::string text = two_digits(second_of_day / 3600) + ":" + two_digits(second_of_day / 60 % 60);
    return second_of_day % 60 == 0 ? text : text + ":" + two_digits(second_of_day % 60);
}

std::optional<civil_day> parse_date(std::string_view text) noexcept {
    auto const year = digits_at(text, 0, 4);
    auto const month = digits_at(text, 5, 2);
    auto const day = digits_at(text, 8, 2);
    if (text.size() != 10 || text[4] != '-' || text[7] != '-' || !year || !month || !day ||
        *year == 0) {
        return std::nullopt;
    }

    // The calendar knows which days exist, leap years included.
    std::chrono::year_month_day const date{std::chrono::year{static_cast<int>(*year)},
                                           std::chrono::month{*month}, std::chrono::day{*day}};
    if (!date.ok()) {
        return std::nullopt;
    }
    return static_cast<civil_day>(std::chrono::sys_days{date}.time_since_epoch().count());
}

std::string date_text(civil_day day) {
    auto const date = civil(day);
    std::string const year = std::to_string(static_cast<int>(date.year()));
    return std::string(4 - std::min<std::size_t>(year.size(), 4), '0') + year + "-" +
           two_digits(static_cast<unsigned>(date.month())) + "-" +
           two_digits(static_cast<unsigned>(date.day()));
}

std::optional<std::pair<std::uint32_t, std::uint32_t>>
parse_increments(std::string_view text) noexcept {
    // One number alone is both the first and the following increment.
    std::size_t const slash = std::min(text.find('/'), text.size());
    auto const first = parse_whole(text.substr(0, slash), INT32_MAX);
    auto const next = slash == text.size() ? first : parse_whole(text.substr(slash + 1), INT32_MAX);
    if (!first || !next || *first == 0 || *next == 0) {
        return std::nullopt;
    }
    return std::pair{*first, *next};
}

std::optional<std::string_view> parse_prefix(std::string_view text) noexcept {
    if (text.starts_with('+')) {
        text.remove_prefix(1);
    }
    bool const is_digits = text.find_first_not_of("0123456789") == std::string_view::npos;
    return is_digits && text.size() <= prefix_index::digits_max ? std::optional{text}
                                                                : std::nullopt;
}

std::vector<rate_step> steps_of_increments(std::uint32_t first_s, std::uint32_t next_s,
                                           std::uint32_t unit_s, amount price) {
    // One step is enough then, and equal lists of steps are stored once in a tariff.
    if (first_s == next_s) {
        return {{0, unit_s, first_s, price}};
    }
    return {{0, unit_s, first_s, price}, {first_s, unit_s, next_s, price}};
}

bool is_plain_text(std::string_view text, bool many_lines) noexcept {
    return ingest::is_valid_utf8(text) && std::ranges::none_of(text, [many_lines](char c) {
               bool const is_control = static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
               return is_control && !(many_lines && (c == '\n' || c == '\t' || c == '\r'));
           });
}

std::optional<ingest::time_us> plan_zone::parse(std::string_view text) noexcept {
    if (auto const day = parse_date(text)) {
        return midnight(*day);
    }
    auto const read = ingest::read_time_text(text);
    switch (read.is) {
    case ingest::time_reading::form::utc:
        return read.value;
    case ingest::time_reading::form::local:
        return ingest::instants_of(name_, read.value).first;
    default:
        return std::nullopt;
    }
}

std::string plan_zone::text_of(ingest::time_us moment) {
    auto const local_day = calendar_.day_of(moment);
    if (midnight(local_day) == moment) {
        return date_text(local_day);
    }

    // RFC 3339 in UTC; parse() must read the same moment, to the microsecond.
    auto const second = ingest::whole_second(moment) / ingest::us_per_s;
    auto const micros = moment - second * ingest::us_per_s;
    auto const of_day = (second % band::day_s + band::day_s) % band::day_s;
    std::string const time = clock_text(static_cast<std::int32_t>(of_day));
    std::string text = date_text(static_cast<civil_day>((second - of_day) / band::day_s)) + "T" +
                       time + (time.size() == 5 ? ":00" : "");
    if (micros != 0) {
        std::string const digits = std::to_string(micros);
        text += "." + std::string(6 - digits.size(), '0') + digits;
    }
    return text + "Z";
}

} // namespace tally::rating
