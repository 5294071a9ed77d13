#include "config/text_rules.hpp"

#include <arpa/inet.h>
#include <date/tz.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <initializer_list>

namespace tally::config {
namespace {

bool is_address(std::string const& host, int family) {
    // Large enough for both families.
    std::uint8_t binary[sizeof(in6_addr)];
    return inet_pton(family, host.c_str(), binary) == 1;
}

bool is_in(char c, std::string_view set) noexcept {
    return set.find(c) != std::string_view::npos;
}

std::optional<std::string> complain_unless_one_of(std::string_view value,
                                                  std::initializer_list<std::string_view> allowed) {
    std::string list;
    for (auto const choice : allowed) {
        if (value == choice) {
            return std::nullopt;
        }
        list.append(list.empty() ? "" : ", ").append(choice);
    }
    return "must be one of " + list;
}

/// The end of the value that begins at `begin`: of a value in libpq's quotes, or the next blank or
/// '&'.
std::size_t end_of_value(std::string_view text, std::size_t begin) noexcept {
    // libpq's keywords quote with ', and within quotes a backslash takes the next character.
    bool const quoted = begin < text.size() && text[begin] == '\'';
    for (auto i = begin + (quoted ? 1 : 0); i < text.size(); ++i) {
        if (text[i] == '\\') {
            ++i;
        } else if (quoted ? text[i] == '\'' : is_in(text[i], " \t\r\n&")) {
            return quoted ? i + 1 : i;
        }
    }
    return text.size();
}

/// Masks the value after "password =" (also sslpassword), in keywords and in a URI's query.
void mask_password_assignments(std::string& text) {
    // Within a longer word too, as in sslpassword: masking too much is harmless.
    constexpr std::string_view keyword = "password";
    for (auto cursor = text.find(keyword); cursor != std::string::npos;
         cursor = text.find(keyword, cursor)) {
        cursor += keyword.size();
        auto const equals = text.find_first_not_of(" \t\r\n", cursor);
        if (equals == std::string::npos || text[equals] != '=') {
            continue;
        }

        // libpq allows blanks around '='.
        auto const value = std::min(text.find_first_not_of(" \t\r\n", equals + 1), text.size());
        text.replace(value, end_of_value(text, value) - value, "***");
        cursor = value;
    }
}

// In the order of the C library (tm_wday): the index is what an appointment has.
constexpr std::array<std::string_view, 7> weekdays{"sunday",   "monday", "tuesday", "wednesday",
                                                   "thursday", "friday", "saturday"};

bool has_nul(std::string_view value) noexcept {
    // A file may have NUL as \u0000; C functions would take the text to end there.
    return value.find('\0') != std::string_view::npos;
}

} // namespace

std::optional<listen_address> parse_listen(std::string_view text) {
    // The last one: an IPv6 address contains colons itself.
    auto const colon = text.rfind(':');
    if (colon == std::string_view::npos || has_nul(text)) {
        return std::nullopt;
    }

    auto host = text.substr(0, colon);
    auto const digits = text.substr(colon + 1);
    listen_address address;
    auto const [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), address.port);
    if (error != std::errc{} || end != digits.data() + digits.size()) {
        return std::nullopt;
    }

    // An IPv6 address needs brackets, because it has colons itself.
    bool const bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
    if (bracketed) {
        host = host.substr(1, host.size() - 2);
    }
    address.host = host == "localhost" ? "127.0.0.1" : std::string{host};

    // An address, not a name: the check must not depend on a name server.
    if (!is_address(address.host, bracketed ? AF_INET6 : AF_INET)) {
        return std::nullopt;
    }
    return address;
}

std::optional<std::string> complain_about_listen(std::string_view value) {
    if (parse_listen(value)) {
        return std::nullopt;
    }
    return "must be ADDRESS:PORT with an IP address, such as 127.0.0.1:8080, 0.0.0.0:8080 or "
           "[::1]:8080";
}

std::optional<std::string> complain_about_tcp_listen(std::string_view value) {
    return value.empty() ? std::nullopt : complain_about_listen(value);
}

std::optional<std::string> complain_about_folder(std::string_view value) {
    if (!value.empty() && !has_nul(value)) {
        return std::nullopt;
    }
    return "must be the path of a folder";
}

std::optional<std::string> complain_about_database_url(std::string_view value) {
    // The two forms of libpq. What else may be wrong in them, libpq itself reports.
    bool const is_uri = value.starts_with("postgres://") || value.starts_with("postgresql://");
    bool const is_keywords =
        value.find("://") == std::string_view::npos && value.find('=') != std::string_view::npos;
    if (!has_nul(value) && (value.empty() || is_uri || is_keywords)) {
        return std::nullopt;
    }
    // The message must not contain the value, which may have a password.
    return "must be postgresql://USER:PASSWORD@HOST:PORT/DATABASE, or keywords as in \"host=db "
           "dbname=tally\"";
}

std::optional<std::string> complain_about_environment(std::string_view value) {
    return complain_unless_one_of(value, {"development", "test", "staging", "production"});
}

std::optional<std::string> complain_about_log_level(std::string_view value) {
    return complain_unless_one_of(value, {"trace", "debug", "info", "warn", "error"});
}

std::optional<std::string> complain_about_log_format(std::string_view value) {
    return complain_unless_one_of(value, {"text", "json"});
}

std::optional<appointment> parse_appointment(std::string_view text) {
    appointment found;
    // Without a day it is every day's.
    if (auto const blank = text.find(' '); blank != std::string_view::npos) {
        auto const day = std::find(weekdays.begin(), weekdays.end(), text.substr(0, blank));
        if (day == weekdays.end()) {
            return std::nullopt;
        }
        found.weekday = static_cast<std::int32_t>(day - weekdays.begin());
        text.remove_prefix(blank + 1);
    }

    auto const digit = [](char c) { return c >= '0' && c <= '9'; };

    // Exactly "HH:MM": "2:00" could be a mistyped "12:00".
    if (text.size() != 5 || text[2] != ':' || !digit(text[0]) || !digit(text[1]) ||
        !digit(text[3]) || !digit(text[4])) {
        return std::nullopt;
    }

    int const hour = (text[0] - '0') * 10 + (text[1] - '0');
    int const minute = (text[3] - '0') * 10 + (text[4] - '0');
    found.minute_of_day = hour * 60 + minute;
    return hour < 24 && minute < 60 ? std::optional{found} : std::nullopt;
}

std::optional<std::string> complain_about_index_policy(std::string_view value) {
    return complain_unless_one_of(value, {"sealed", "eager"});
}

std::optional<std::string> complain_about_time_zone(std::string_view value) {
    try {
        // The library knows the zones of this system; a name alone would say nothing.
        static_cast<void>(date::locate_zone(std::string{value}));
        return std::nullopt;
    } catch (std::exception const&) {
        return "must be an IANA time zone, such as UTC, Europe/Berlin or Asia/Kolkata";
    }
}

std::optional<std::string> complain_about_daily_at(std::string_view value) {
    auto const found = parse_appointment(value);
    return found && found->weekday < 0 ? std::nullopt
                                       : std::optional<std::string>{"must be HH:MM, as in 02:00"};
}

std::optional<std::string> complain_about_weekly_at(std::string_view value) {
    auto const found = parse_appointment(value);
    return found && found->weekday >= 0
               ? std::nullopt
               : std::optional<std::string>{"must be DAY HH:MM, as in sunday 03:00"};
}

std::optional<std::string> accept_any_text(std::string_view value) {
    return has_nul(value) ? std::optional<std::string>{"must not contain NUL"} : std::nullopt;
}

std::string masked_url(std::string_view url) {
    std::string masked{url};
    if (auto const scheme = masked.find("://"); scheme != std::string::npos) {
        auto const query = masked.find('?', scheme);
        auto cursor = masked.rfind('@', query);
        // A password may contain an unescaped '?', which looks like the begin of the query.
        cursor = cursor == std::string::npos ? masked.rfind('@') : cursor;

        // The password is between the colon of the user and the last '@' before the query.
        auto const colon = masked.find(':', scheme + 3);
        if (cursor != std::string::npos && colon < cursor) {
            masked.replace(colon + 1, cursor - colon - 1, "***");
        }
    }
    // Keywords, and the query of a URI, may have a password as well.
    mask_password_assignments(masked);
    return masked;
}

} // namespace tally::config
