#include "daemon/cli/time_text.hpp"

#include "ingest/text/timestamp.hpp"

#include <date/date.h>

namespace tally::daemon {

namespace {

/// A date alone is its midnight in UTC.
ingest::time_reading read_bound(std::string const& text) {
    constexpr std::size_t date_length = 10; // YYYY-MM-DD
    return ingest::read_time_text(text.size() == date_length ? text + "T00:00:00Z" : text);
}

std::string formatted(char const* format, ingest::time_us time) {
    if (time == ingest::never_us) {
        return "";
    }
    using std::chrono::microseconds;
    date::sys_time<microseconds> const instant{microseconds{time}};
    return date::format(format, date::floor<std::chrono::seconds>(instant));
}

} // namespace

std::string time_text(ingest::time_us time) {
    return formatted("%FT%TZ", time);
}

std::string utc_column_text(ingest::time_us time) {
    return formatted("%F %T", time);
}

std::string bound_problem(std::string const& text) {
    return read_bound(text).is == ingest::time_reading::form::utc
               ? ""
               : "'" + text + "' is neither a date (2026-05-04) nor an RFC 3339 time with a zone";
}

ingest::time_us bound_time(std::string const& text) {
    auto const read = read_bound(text);
    return read.is == ingest::time_reading::form::utc ? read.value : ingest::never_us;
}

} // namespace tally::daemon
