#include "ingest/formats/asterisk_record.hpp"

#include "ingest/decode/call_times.hpp"
#include "ingest/json/text.hpp"
#include "ingest/json/utf8_text.hpp"
#include "ingest/text/ascii.hpp"
#include "ingest/text/decimal.hpp"
#include "ingest/text/trim.hpp"

#include <algorithm>
#include <initializer_list>
#include <string>

namespace tally::ingest {
namespace {

using column = asterisk_column;

bool is_number(std::string_view text) noexcept {
    return !text.empty() && std::all_of(text.begin(), text.end(), is_digit);
}

/// Seconds since 1970 in a uniqueid, "[name-]epoch.counter"; empty if it has another form.
std::string_view epoch_of(std::string_view uniqueid) noexcept {
    // The system's name may itself contain '-' and '.'.
    std::size_t const dash = uniqueid.rfind('-');
    std::string_view const number = uniqueid.substr(dash == uniqueid.npos ? 0 : dash + 1);
    std::size_t const point = number.find('.');
    if (point == number.npos || !is_number(number.substr(point + 1))) {
        return {};
    }
    std::string_view const epoch = number.substr(0, point);
    constexpr std::size_t epoch_digits_min = 9; // since 1973
    return is_number(epoch) && epoch.size() >= epoch_digits_min ? epoch : std::string_view{};
}

/// The text of a field, with doubled quotes made single.
std::string_view unescaped_quotes(csv_field const& field, text_arena& arena) {
    if (!field.has_doubled_quotes) {
        return field.text;
    }

    // The text only becomes shorter, so one reservation of its size is enough.
    char* const begin = arena.reserve(field.text.size());
    char* cursor = begin;
    for (std::size_t index = 0; index < field.text.size(); ++index) {
        *cursor++ = field.text[index];
        if (field.text[index] == '"' && field.text.substr(index + 1).starts_with('"')) {
            ++index;
        }
    }
    auto const size = static_cast<std::size_t>(cursor - begin);
    arena.shrink_last(size);
    return {begin, size};
}

class asterisk_reader {
  public:
    asterisk_reader(asterisk_row const& row, std::string_view raw, source const& source,
                    text_arena& arena, cdr& out) noexcept
        : row_(row), raw_(raw), source_(source), arena_(arena), out_(out) {}

    record_fault run() {
        // cdr_csv has no column for the direction.
        out_.direction = call_direction::outbound;

        // The first wrong field ends the reading: it is the one that is reported.
        bool const ok = text(column::accountcode, number_bytes_max, out_.account_number) &&
                        text(column::src, number_bytes_max, out_.caller_id) &&
                        text(column::dst, number_bytes_max, out_.destination) &&
                        text(column::disposition, text_bytes_max, out_.hangup_cause) &&
                        duration(column::duration, out_.duration_ms) &&
                        duration(column::billsec, out_.billsec_ms) && times();
        if (!ok) {
            return fault_;
        }
        // The answer time decides, not the disposition: FAILED and BUSY come with an answer and
        // billsec too.
        out_.billable_ms = out_.answer != never_us ? out_.billsec_ms : 0;
        out_.id = key();
        metadata();
        return {};
    }

  private:
    csv_field const& field(column name) const noexcept {
        return row_[static_cast<std::size_t>(name)];
    }
    std::string_view value(column name) {
        auto const text = unescaped_quotes(field(name), arena_);
        return trimmed(is_clean_ ? text : sanitize_text(text, arena_));
    }
    bool fail(record_error error, std::string_view name, std::string_view detail) noexcept {
        fault_ = {error, name, detail};
        return false;
    }
    static std::string_view name_of(column name) noexcept;
    bool text(column name, std::size_t bytes_max, std::string_view& out);
    bool duration(column name, std::int64_t& out_ms);
    bool times();
    uuid key();
    void metadata();

    asterisk_row const& row_;
    std::string_view raw_;
    source const& source_;
    text_arena& arena_;
    cdr& out_;
    record_fault fault_;
    /// Fields are separated by ASCII characters, so if the whole row is valid, each of its fields
    /// is.
    bool const is_clean_ = raw_.find('\0') == raw_.npos && is_valid_utf8(raw_);
};

std::string_view asterisk_reader::name_of(column name) noexcept {
    static constexpr std::array<std::string_view, asterisk_columns_max> names{
        "accountcode", "src",      "dst",      "dcontext",  "clid",        "channel",  "dstchannel",
        "lastapp",     "lastdata", "start",    "answer",    "end",         "duration", "billsec",
        "disposition", "amaflags", "uniqueid", "userfield", "peeraccount", "linkedid", "sequence"};
    return names[static_cast<std::size_t>(name)];
}

bool asterisk_reader::text(column name, std::size_t bytes_max, std::string_view& out) {
    out = value(name);
    return out.size() <= bytes_max || fail(record_error::field_too_long, name_of(name),
                                           "longer than Asterisk writes this field");
}

bool asterisk_reader::duration(column name, std::int64_t& out_ms) {
    auto const ms = parse_decimal(value(name), 3);
    if (!ms) {
        return fail(record_error::bad_number, name_of(name), "expected seconds");
    }
    if (*ms < 0 || *ms > duration_ms_max) {
        return fail(record_error::bad_duration, name_of(name),
                    *ms < 0 ? "the duration is negative" : "the duration is over 68 years");
    }
    out_ms = *ms;
    return true;
}

bool asterisk_reader::times() {
    read_times times;
    times.start = read_time_text(value(column::start));
    times.answer = read_time_text(value(column::answer));
    times.end = read_time_text(value(column::end));
    times.duration_ms = out_.duration_ms;
    times.billsec_ms = out_.billsec_ms;

    // Times are local; the uniqueid contains the channel's creation in UTC, which decides in the
    // hour that is repeated in autumn.
    auto const created = read_epoch(epoch_of(value(column::uniqueid)));
    if (created.is == time_reading::form::utc) {
        times.start_hint = created.value;
    }

    times_fault const fault = settle_times(times, source_.time_zone, out_);
    if (fault.error != record_error::none) {
        static constexpr column columns[] = {column::start, column::answer, column::end};
        return fail(fault.error, name_of(columns[static_cast<std::size_t>(fault.stamp)]),
                    fault.detail);
    }
    return true;
}

/// The key of this row, the same in whatever file the row is found again.
uuid asterisk_reader::key() {
    thread_local std::string name;
    name.assign(source_.name);
    auto const append = [](std::string_view part) {
        name += '\x1f'; // a separator that occurs in no part
        name += part;
    };

    // Without a sequence, several records of a call share one uniqueid, so the row's bytes are the
    // key.
    if (field(column::sequence).text.empty()) {
        append(raw_);
    } else {
        append(field(column::uniqueid).text);
        append(field(column::linkedid).text);
        append(field(column::sequence).text);
    }
    return uuid_v5(call_id_name_space, name);
}

void asterisk_reader::metadata() {
    static constexpr column kept[] = {column::linkedid, column::sequence,  column::clid,
                                      column::dcontext, column::channel,   column::dstchannel,
                                      column::lastapp,  column::lastdata,  column::disposition,
                                      column::amaflags, column::userfield, column::peeraccount};

    // Reused for all rows of the thread; the finished text moves into the batch's arena.
    thread_local std::string built;
    built.clear();
    json_object_writer writer(built);
    writer.member("call_id", value(column::uniqueid));
    for (column const name : kept) {
        writer.member(name_of(name), value(name));
    }
    writer.finish();
    out_.metadata = arena_.keep(built);
}

} // namespace

bool arrange_columns(std::span<csv_field const> fields, asterisk_row& out) noexcept {
    if (fields.size() < asterisk_columns_min || fields.size() > asterisk_columns_max) {
        return false;
    }

    // Each option appends its columns, in this order: uniqueid, userfield, newcdrcolumns (three).
    std::size_t const extra = fields.size() - asterisk_columns_min;
    // Columns that the row does not have read as empty.
    out.fill({});
    std::copy_n(fields.begin(), asterisk_columns_min, out.begin());
    auto const put = [&out](column name, csv_field const& field) {
        out[static_cast<std::size_t>(name)] = field;
    };
    auto const more = fields.subspan(asterisk_columns_min);

    std::size_t const optional = extra % 3; // newcdrcolumns adds three
    if (optional == 1) {
        // One optional column may be either; a uniqueid has a form of its own.
        bool const is_uniqueid = !epoch_of(more[0].text).empty();
        put(is_uniqueid ? column::uniqueid : column::userfield, more[0]);
    } else if (optional == 2) {
        put(column::uniqueid, more[0]);
        put(column::userfield, more[1]);
    }

    // newcdrcolumns come last, whatever the other options.
    if (extra >= 3) {
        put(column::peeraccount, more[optional]);
        put(column::linkedid, more[optional + 1]);
        put(column::sequence, more[optional + 2]);
    }
    return true;
}

record_fault read_asterisk(asterisk_row const& row, std::string_view raw, source const& source,
                           text_arena& arena, cdr& out) {
    return asterisk_reader(row, raw, source, arena, out).run();
}

} // namespace tally::ingest
