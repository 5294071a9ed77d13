#include "ingest/asterisk_row.hpp"

#include "ingest/call_times.hpp"
#include "ingest/csv_row.hpp"
#include "ingest/decimal.hpp"
#include "ingest/json_text.hpp"
#include "ingest/utf8_text.hpp"

#include <charconv>

namespace tally::ingest {

namespace {

using column = asterisk_column;

constexpr std::size_t base_columns = 16;
constexpr std::size_t new_columns = 3; ///< peeraccount, linkedid, sequence come together

constexpr std::size_t place(column c) noexcept {
    return static_cast<std::size_t>(c);
}

constexpr std::array<std::string_view, asterisk_columns_max> column_names{
    "accountcode", "src",      "dst",      "dcontext",  "clid",        "channel",  "dstchannel",
    "lastapp",     "lastdata", "start",    "answer",    "end",         "duration", "billsec",
    "disposition", "amaflags", "uniqueid", "userfield", "peeraccount", "linkedid", "sequence"};

record_fault fault_of(record_error error, column at, std::string_view detail) noexcept {
    return {error, column_names[place(at)], detail};
}

bool is_digits(std::string_view text) noexcept {
    return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

/// The text of a field: `""` in it means `"`.
std::string_view text_of(csv_field const& field, text_arena& arena) {
    std::string_view text = field.text;
    if (field.has_doubled_quotes) {
        char* const copy = arena.reserve(text.size());
        std::size_t used = 0;
        for (std::size_t i = 0; i < text.size(); ++i) {
            copy[used++] = text[i];
            i += text[i] == '"' && i + 1 < text.size() && text[i + 1] == '"' ? 1U : 0U;
        }
        arena.shrink_last(used);
        text = {copy, used};
    }
    return mend_text(text, arena);
}

/// Where the columns behind the first sixteen stand: the nth of them is `optional[n]`.
std::span<column const> optional_columns(std::size_t columns, std::string_view seventeenth) {
    static constexpr std::array with_both{column::uniqueid, column::userfield, column::peeraccount,
                                          column::linkedid, column::sequence};
    static constexpr std::array only_id{column::uniqueid, column::peeraccount, column::linkedid,
                                        column::sequence};
    static constexpr std::array only_field{column::userfield, column::peeraccount, column::linkedid,
                                           column::sequence};
    static constexpr std::array neither{column::peeraccount, column::linkedid, column::sequence};
    bool const has_new = columns >= base_columns + new_columns;
    switch (columns - (has_new ? new_columns : 0) - base_columns) {
    case 0:
        return neither;
    case 1:
        return epoch_of_uniqueid(seventeenth) > 0 ? std::span<column const>{only_id}
                                                  : std::span<column const>{only_field};
    default:
        return with_both;
    }
}

record_fault check_lengths(asterisk_row const& row) noexcept {
    for (std::size_t i = 0; i < row.size(); ++i) {
        bool const is_number = i <= place(column::dst);
        if (row[i].size() > (is_number ? number_bytes_max : text_bytes_max)) {
            return fault_of(record_error::field_too_long, static_cast<column>(i),
                            is_number ? "over 256 bytes" : "over 1024 bytes");
        }
    }
    return {};
}

record_fault read_seconds(asterisk_row const& row, column from, std::int64_t& out_ms) noexcept {
    auto const ms = parse_decimal(row[place(from)], 3);
    if (!ms) {
        return fault_of(record_error::bad_number, from, "expected seconds");
    }
    if (*ms < 0 || *ms > duration_ms_max) {
        return fault_of(record_error::bad_duration, from, "negative, or over 68 years");
    }
    out_ms = *ms;
    return {};
}

record_fault read_stamp(asterisk_row const& row, column from, time_reading& out) noexcept {
    out = read_time_text(row[place(from)]);
    if (out.is == time_reading::form::unreadable) {
        return fault_of(record_error::bad_time, from, "expected YYYY-MM-DD HH:MM:SS");
    }
    return {};
}

record_fault read_clock(asterisk_row const& row, source const& from, cdr& out) {
    read_times times;
    for (auto const& fault :
         {read_stamp(row, column::start, times.start),
          read_stamp(row, column::answer, times.answer), read_stamp(row, column::end, times.end),
          read_seconds(row, column::duration, out.duration_ms),
          read_seconds(row, column::billsec, out.billsec_ms)}) {
        if (fault) {
            return fault;
        }
    }
    times.duration_ms = out.duration_ms;
    if (auto const epoch = epoch_of_uniqueid(row[place(column::uniqueid)]); epoch > 0) {
        times.near_start = epoch * us_per_s;
    }
    auto const fault = settle_times(times, from.time_zone, out);
    if (fault.error == record_error::none) {
        return {};
    }
    static constexpr std::array at{column::start, column::answer, column::end};
    return fault_of(fault.error, at[static_cast<std::size_t>(fault.at)], fault.detail);
}

/// The key: what Asterisk promises to be unique, or the row itself.
uuid identity_of(asterisk_row const& row, std::string_view raw, source const& from) {
    static thread_local std::string name;
    name = from.name;
    if (row[place(column::sequence)].empty()) {
        name.append(1, '\0').append(raw);
    } else {
        for (auto const part : {column::uniqueid, column::linkedid, column::sequence}) {
            name.append(1, '\0').append(row[place(part)]);
        }
    }
    return uuid_v5(call_id_name_space, name);
}

std::string_view metadata_of(asterisk_row const& row, text_arena& arena) {
    static thread_local std::string text;
    text.clear();
    json_object_writer object{text};
    object.member("call_id", row[place(column::uniqueid)]);
    for (auto const each : {column::linkedid, column::sequence, column::clid, column::dcontext,
                            column::channel, column::dstchannel, column::lastapp, column::lastdata,
                            column::amaflags, column::userfield, column::peeraccount}) {
        object.member(column_names[place(each)], row[place(each)]);
    }
    object.finish();
    return arena.keep(text);
}

} // namespace

std::int64_t epoch_of_uniqueid(std::string_view uniqueid) noexcept {
    auto const dot = uniqueid.rfind('.');
    if (dot == std::string_view::npos || !is_digits(uniqueid.substr(dot + 1))) {
        return 0;
    }
    auto epoch = uniqueid.substr(0, dot);
    if (auto const dash = epoch.rfind('-'); dash != std::string_view::npos) {
        epoch.remove_prefix(dash + 1);
    }
    std::int64_t seconds = 0;
    // Nine or ten digits: 1973 to 2286, which an extension or an amount is not.
    if (!is_digits(epoch) || epoch.size() < 9 || epoch.size() > 10) {
        return 0;
    }
    std::from_chars(epoch.data(), epoch.data() + epoch.size(), seconds);
    return seconds;
}

record_fault split_asterisk_row(std::string_view row, text_arena& arena, asterisk_row& out) {
    std::array<csv_field, asterisk_columns_max> fields;
    auto const split = split_csv_row(row, fields);
    if (!split.is_closed) {
        return {record_error::bad_quoting, {}, "a quote is not closed, or not at its field's end"};
    }
    if (split.columns < base_columns || split.columns > asterisk_columns_max) {
        return {record_error::bad_columns, {}, "cdr_csv has 16 to 21 columns"};
    }
    out.fill({});
    for (std::size_t i = 0; i < base_columns; ++i) {
        out[i] = text_of(fields[i], arena);
    }
    auto const optional = optional_columns(split.columns, fields[base_columns].text);
    for (std::size_t i = base_columns; i < split.columns; ++i) {
        out[place(optional[i - base_columns])] = text_of(fields[i], arena);
    }
    return check_lengths(out);
}

record_fault read_asterisk(asterisk_row const& row, std::string_view raw, source const& from,
                           text_arena& arena, cdr& out) {
    out.raw = raw;
    out.direction = call_direction::outbound;
    out.account_number = row[place(column::accountcode)];
    out.caller_id = row[place(column::src)];
    out.destination = row[place(column::dst)];
    out.hangup_cause = row[place(column::disposition)];
    if (out.hangup_cause.empty()) {
        return fault_of(record_error::missing_field, column::disposition, "the field is required");
    }
    if (auto const fault = read_clock(row, from, out)) {
        return fault;
    }
    bool const answered = out.hangup_cause == "ANSWERED" && out.answer != never_us;
    out.billable_ms = answered ? out.billsec_ms : 0;
    out.id = identity_of(row, raw, from);
    out.metadata = metadata_of(row, arena);
    return {};
}

} // namespace tally::ingest
