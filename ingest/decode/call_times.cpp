#include "ingest/decode/call_times.hpp"

#include "ingest/text/local_clock.hpp"

#include <cstdlib>

namespace tally::ingest {
namespace {

using form = time_reading::form;
using call_time = times_fault::call_time;

/// The instants that a reading may mean.
clock_instants candidates(time_reading const& reading, std::string_view zone_name) noexcept {
    if (reading.is == form::local) {
        return instants_of(zone_name, reading.value);
    }
    // A time in UTC has one meaning, even if the source's zone is unknown here.
    return {true, reading.value, reading.value};
}

bool is_ambiguous(clock_instants const& instants) noexcept {
    return instants.first != instants.second;
}

time_us nearer(clock_instants const& instants, time_us end) noexcept {
    // Of two that are equally near, the first, as everywhere in the repeated hour.
    return std::llabs(instants.second - end) < std::llabs(instants.first - end) ? instants.second
                                                                                : instants.first;
}

/// Chooses the earliest pair of start and end that are `duration` apart, give or take a second
/// (each of them is cut to the second by itself).
void choose_by_duration(clock_instants const& start, clock_instants const& end, time_us duration,
                        cdr& out) noexcept {
    for (time_us const begin : {start.first, start.second}) {
        for (time_us const finish : {end.first, end.second}) {
            if (std::llabs(finish - begin - duration) <= us_per_s) {
                out.start = begin;
                out.end = finish;
                return;
            }
        }
    }

    // No pair fits: the record contradicts itself. Prefer an order that is possible.
    out.start = start.first;
    out.end = end.first < start.first ? end.second : end.first;
}

void choose(clock_instants const& start, clock_instants const& end, read_times const& times,
            cdr& out) noexcept {
    // Without ambiguity, or without an instant to compare with, the duration decides.
    time_us const duration = times.duration_ms * 1000;
    if (times.start_hint == never_us || !is_ambiguous(start)) {
        choose_by_duration(start, end, duration, out);
        return;
    }

    // A known instant close to the start says more than the duration.
    time_us const begin = nearer(start, times.start_hint);
    choose_by_duration({true, begin, begin}, end, duration, out);
}

times_fault check_readable(read_times const& times) noexcept {
    // An answer may be missing: the call was not answered. A start and an end may not.
    constexpr std::string_view forms = "expected RFC 3339 or seconds since 1970";
    if (times.start.is == form::never) {
        return {record_error::missing_field, call_time::start, "a call without a start"};
    }
    if (times.start.is == form::unreadable) {
        return {record_error::bad_time, call_time::start, forms};
    }
    if (times.answer.is == form::unreadable) {
        return {record_error::bad_time, call_time::answer, forms};
    }

    // An end that the switch never set is written as 0, which reads as never.
    if (times.end.is == form::unreadable) {
        return {record_error::bad_time, call_time::end, forms};
    }
    if (times.end.is == form::never) {
        return {record_error::bad_times, call_time::end, "a call without an end"};
    }
    return {};
}

times_fault check_order(cdr const& call) noexcept {
    if (call.end < call.start) {
        return {record_error::bad_times, call_time::end, "the call ends before it starts"};
    }
    if (call.answer == never_us) {
        return {};
    }

    // A second of tolerance: each time is cut to the second by itself.
    if (call.answer < call.start - us_per_s) {
        return {record_error::bad_times, call_time::answer,
                "the call is answered before it starts"};
    }
    if (call.answer > call.end + us_per_s) {
        return {record_error::bad_times, call_time::answer, "the call is answered after its end"};
    }
    return {};
}

/// Chooses the answer in the repeated hour: not before the start, and of two such instants the one
/// that agrees with the answered time, else the first.
time_us choose_answer(clock_instants const& answer, cdr const& call,
                      std::int64_t billsec_ms) noexcept {
    if (answer.first < call.start - us_per_s) {
        return answer.second;
    }
    auto const error_of = [&](time_us moment) {
        auto const difference = call.end - moment - billsec_ms * 1000;
        return difference < 0 ? -difference : difference;
    };
    bool const second_fits = billsec_ms > 0 && error_of(answer.second) < error_of(answer.first);
    return second_fits ? answer.second : answer.first;
}

} // namespace

times_fault settle_times(read_times const& times, std::string_view zone_name, cdr& out) noexcept {
    if (times_fault const fault = check_readable(times); fault.error != record_error::none) {
        return fault;
    }

    // A local time in the repeated hour has two candidates.
    auto const start = candidates(times.start, zone_name);
    auto const answer = candidates(times.answer, zone_name);
    auto const end = candidates(times.end, zone_name);
    if (!start.zone_is_known || !answer.zone_is_known || !end.zone_is_known) {
        return {record_error::bad_time, call_time::start,
                "no zone in the time, and the source's time zone is unknown here"};
    }

    // The start and the end first; the answer lies between them.
    choose(start, end, times, out);
    out.answer =
        times.answer.is == form::never ? never_us : choose_answer(answer, out, times.billsec_ms);
    out.zone_assumed = times.start.is == form::local || times.answer.is == form::local ||
                       times.end.is == form::local;
    return check_order(out);
}

} // namespace tally::ingest
