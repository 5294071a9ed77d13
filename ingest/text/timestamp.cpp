#include "ingest/text/timestamp.hpp"

#include "ingest/text/ascii.hpp"
#include "ingest/text/decimal.hpp"

#include <date/date.h>

#include <algorithm>

namespace tally::ingest {
namespace {

using form = time_reading::form;

constexpr time_reading unreadable{form::unreadable, 0};

/// Reads a text piece by piece and remembers whether every piece was as expected.
class time_scanner {
  public:
    explicit time_scanner(std::string_view text) noexcept : text_(text) {}

    /// Exactly `digits` digits.
    std::int64_t number(std::size_t digits) noexcept {
        std::int64_t value = 0;
        for (std::size_t index = 0; index < digits; ++index) {
            char const c = next();
            ok_ = ok_ && is_digit(c);
            value = value * 10 + (c - '0');
        }
        return value;
    }
    void one_of(std::string_view allowed) noexcept {
        ok_ = ok_ && allowed.find(next()) != std::string_view::npos;
    }
    /// The next character if it is one of these, else 0.
    char take_if(std::string_view wanted) noexcept {
        if (at_end() || wanted.find(text_.front()) == std::string_view::npos) {
            return 0;
        }
        return next();
    }
    /// Microseconds from the digits after a point; digits beyond the sixth are cut off.
    std::int64_t fraction_us() noexcept {
        std::int64_t value = 0;
        std::int64_t unit = us_per_s / 10;
        ok_ = ok_ && !at_end() && is_digit(text_.front());
        while (!at_end() && is_digit(text_.front())) {
            value += (next() - '0') * unit;
            unit /= 10;
        }
        return value;
    }
    void refuse_unless(bool condition) noexcept { ok_ = ok_ && condition; }
    [[nodiscard]] bool at_end() const noexcept { return text_.empty(); }
    [[nodiscard]] bool ok() const noexcept { return ok_; }

  private:
    char next() noexcept {
        if (text_.empty()) {
            ok_ = false;
            return '0';
        }
        char const c = text_.front();
        text_.remove_prefix(1);
        return c;
    }

    std::string_view text_;
    bool ok_ = true;
};

/// Days since 1970; refuses a date that does not exist. Year 0000 is left to the caller.
std::int64_t scan_date(time_scanner& scan, bool& is_year_zero) noexcept {
    auto const year = scan.number(4);
    scan.one_of("-");
    auto const month = scan.number(2);
    scan.one_of("-");
    auto const day = scan.number(2);
    is_year_zero = year == 0;
    if (!scan.ok() || is_year_zero) {
        return 0;
    }

    // The calendar check is the library's, with leap years.
    date::year_month_day const found{date::year{static_cast<int>(year)},
                                     date::month{static_cast<unsigned>(month)},
                                     date::day{static_cast<unsigned>(day)}};
    scan.refuse_unless(found.ok());
    return scan.ok() ? date::sys_days{found}.time_since_epoch().count() : 0;
}

/// Microseconds since midnight.
std::int64_t scan_clock(time_scanner& scan) noexcept {
    auto const hour = scan.number(2);
    scan.one_of(":");
    auto const minute = scan.number(2);
    scan.one_of(":");
    auto const second = scan.number(2);
    // 60 is a leap second (RFC 3339 section 5.6).
    scan.refuse_unless(hour < 24 && minute < 60 && second <= 60);
    std::int64_t us = ((hour * 60 + minute) * 60 + second) * us_per_s;
    if (scan.take_if(".") != 0) {
        // A leap second is counted as the next second, so its fraction is dropped.
        auto const fraction = scan.fraction_us();
        us += second == 60 ? 0 : fraction;
    }
    return us;
}

/// The offset to subtract to get UTC: "+05:30", also "+0530" and "+05".
std::int64_t scan_offset(time_scanner& scan, char sign) noexcept {
    auto const hours = scan.number(2);
    std::int64_t minutes = 0;
    if (scan.take_if(":") != 0 || !scan.at_end()) {
        minutes = scan.number(2);
    }
    scan.refuse_unless(hours < 24 && minutes < 60);
    std::int64_t const us = (hours * 60 + minutes) * 60 * us_per_s;
    return sign == '-' ? -us : us;
}

constexpr std::int64_t us_per_day = 86'400 * us_per_s;

/// Digits at fixed positions of a text, which must be long enough.
class fixed_digits {
  public:
    explicit fixed_digits(std::string_view text) noexcept : text_(text) {}

    unsigned pair(std::size_t index) noexcept { return digit(index) * 10 + digit(index + 1); }
    unsigned digit(std::size_t index) noexcept {
        auto const value = static_cast<unsigned>(static_cast<unsigned char>(text_[index])) - '0';
        largest_ = std::max(largest_, value);
        return value;
    }
    [[nodiscard]] bool ok() const noexcept { return largest_ < 10; }

  private:
    std::string_view text_;
    unsigned largest_ = 0;
};

/// The form that most senders write, "2026-05-04T10:00:00.123456Z" with up to six decimals, without
/// the checks that other forms need. False: another form, or a day that exists in some months only.
bool read_usual_form(std::string_view text, time_us& out) noexcept {
    constexpr std::size_t least = sizeof("2026-05-04T10:00:00Z") - 1;
    if (text.size() < least || text.size() > least + 7 || text[4] != '-' || text[7] != '-' ||
        text[10] != 'T' || text[13] != ':' || text[16] != ':' || text.back() != 'Z') {
        return false;
    }
    fixed_digits digits(text);
    auto const year = digits.pair(0) * 100 + digits.pair(2);
    auto const month = digits.pair(5);
    auto const day = digits.pair(8);
    auto const hour = digits.pair(11);
    auto const minute = digits.pair(14);
    auto const second = digits.pair(17);

    // "." and at least one digit, or nothing.
    time_us fraction = 0;
    if (text.size() > least) {
        time_us unit = us_per_s;
        for (std::size_t index = least; index + 1 < text.size(); ++index) {
            unit /= 10;
            fraction += digits.digit(index) * unit;
        }
        if (text[least - 1] != '.' || unit == us_per_s) {
            return false;
        }
    }
    if (!digits.ok() || year == 0 || month - 1 >= 12 || day - 1 >= 28 || hour >= 24 ||
        minute >= 60 || second >= 60) {
        return false;
    }
    date::sys_days const days{date::year_month_day{date::year{static_cast<int>(year)},
                                                   date::month{month}, date::day{day}}};
    out = days.time_since_epoch().count() * us_per_day +
          ((hour * 60 + minute) * 60 + second) * us_per_s + fraction;
    return true;
}

bool looks_like_a_date(std::string_view text) noexcept {
    return text.size() > 4 && text[4] == '-';
}

} // namespace

time_reading read_time_text(std::string_view text) noexcept {
    if (text.empty()) {
        return {};
    }
    if (time_us usual = 0; read_usual_form(text, usual)) {
        return {form::utc, usual};
    }
    time_scanner scan(text);
    bool is_year_zero = false;
    std::int64_t const days = scan_date(scan, is_year_zero);
    scan.one_of("Tt ");
    std::int64_t value = days * us_per_day + scan_clock(scan);

    // What follows the time of day must be a zone.
    bool const has_zone = !scan.at_end();
    if (scan.take_if("Zz") == 0 && has_zone) {
        char const sign = scan.take_if("+-");
        scan.refuse_unless(sign != 0);
        value -= scan_offset(scan, sign);
    }

    // Checked once: the scanner goes on after a fault, and what it read is dropped here.
    if (!scan.ok() || !scan.at_end() || value >= time_us_max) {
        return unreadable;
    }

    // Switches write these values for "did not happen".
    if (is_year_zero || (value == 0 && !has_zone)) {
        return {};
    }
    return {has_zone ? form::utc : form::local, value};
}

time_reading read_epoch(std::string_view text) noexcept {
    if (text.empty()) {
        return {};
    }
    auto const us = parse_decimal(text, 6);
    // Epoch milliseconds lie far beyond the bound: taken as seconds, they would be a call in a
    // distant future.
    if (!us || *us >= time_us_max || *us <= -time_us_max) {
        return unreadable;
    }
    return *us == 0 ? time_reading{} : time_reading{form::utc, *us};
}

time_reading read_time(std::string_view text) noexcept {
    // "2026-..." and "1777888800" differ at the fifth character.
    return looks_like_a_date(text) ? read_time_text(text) : read_epoch(text);
}

} // namespace tally::ingest
