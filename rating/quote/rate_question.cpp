#include "rating/quote/rate_question.hpp"

#include "ingest/text/decimal.hpp"
#include "ingest/text/local_clock.hpp"
#include "ingest/text/timestamp.hpp"
#include "rating/quote/line_members.hpp"

#include <algorithm>
#include <array>

namespace tally::rating {

namespace {

using ingest::record_error;

enum class member_key : std::uint8_t {
    destination,
    caller,
    direction,
    start,
    answered_at,
    duration_s,
    billsec_ms,
    billsec_s,
    on_net,
    metric,
    quantity,
    count_,
};
constexpr auto member_keys = static_cast<std::size_t>(member_key::count_);

/// The accepted names of each member. The first one of a member is used in messages.
struct key_name {
    std::string_view name;
    member_key key;
};
constexpr std::array key_names{
    key_name{"to", member_key::destination},
    key_name{"from", member_key::caller},
    key_name{"direction", member_key::direction},
    key_name{"at", member_key::start},
    key_name{"answered_at", member_key::answered_at},
    key_name{"duration_s", member_key::duration_s},
    key_name{"billsec_ms", member_key::billsec_ms},
    key_name{"billsec_s", member_key::billsec_s},
    key_name{"on_net", member_key::on_net},
    key_name{"metric", member_key::metric},
    key_name{"quantity", member_key::quantity},
    key_name{"destination", member_key::destination},
    key_name{"caller_id", member_key::caller},
    key_name{"start_time", member_key::start},
    key_name{"answer_time", member_key::answered_at},
    key_name{"duration", member_key::duration_s},
    key_name{"billsec", member_key::billsec_s},
};

// The first rows of the table are in the order of the enum, so the key is the index of its first
// name.
constexpr std::string_view name_of(member_key key) noexcept {
    return key_names[static_cast<std::size_t>(key)].name;
}

/// A fault of a member, with the member's name.
question_fault fault_of(member_key key, record_error error, std::string detail = {}) {
    return {error, std::string{name_of(key)},
            detail.empty() ? std::string{ingest::explain(error)} : std::move(detail)};
}

/// Milliseconds, rounded away from zero: a started millisecond counts.
std::int64_t milliseconds_of(std::int64_t nanos) noexcept {
    constexpr std::int64_t nanos_per_ms = 1'000'000;
    std::int64_t const whole = nanos / nanos_per_ms;
    std::int64_t const rest = nanos % nanos_per_ms;
    return whole + (rest > 0 ? 1 : rest < 0 ? -1 : 0);
}

} // namespace

std::optional<std::int64_t> parse_seconds(std::string_view text) noexcept {
    // Nanoseconds first, so that rounding sees every decimal that a call can have.
    if (auto const nanos = ingest::parse_decimal(text, 9)) {
        return milliseconds_of(*nanos);
    }

    // A number of seconds that does not fit in nanoseconds is longer than any call.
    if (auto const seconds = ingest::parse_decimal(text, 0)) {
        return *seconds < 0 ? INT64_MIN : INT64_MAX;
    }
    return std::nullopt;
}

struct question_reader::impl {
    std::string zone;
    line_parser parser;
    std::vector<line_member> line;
    std::array<line_member const*, member_keys> known{}; ///< nullptr: absent
    question_fault fault;                                ///< the first that was found

    [[nodiscard]] line_member const* at(member_key key) const {
        return known[static_cast<std::size_t>(key)];
    }
    void fail(question_fault found) {
        // Later faults are often consequences of the first.
        if (fault.error == record_error::none) {
            fault = std::move(found);
        }
    }

    void sort_members();
    std::string text(member_key key);
    ingest::time_us time(member_key key);
    std::optional<std::int64_t> ms(member_key key);
    ingest::call_direction direction();
    std::optional<bool> on_net();
    std::optional<quantity> value();
    void take_durations(call_question& call);
    call_question call();
    usage_question usage();
};

/// Finds the known members. Of several members of one name the last one counts, even if it is null.
void question_reader::impl::sort_members() {
    known.fill(nullptr);
    for (line_member const& member : line) {
        auto const* const key =
            std::find_if(key_names.begin(), key_names.end(),
                         [&](key_name const& each) { return each.name == member.name; });
        if (!member.in_properties && key != key_names.end()) {
            bool const is_absent = member.is == line_member::kind::absent;
            known[static_cast<std::size_t>(key->key)] = is_absent ? nullptr : &member;
        }
    }
}

std::string question_reader::impl::text(member_key key) {
    line_member const* const member = at(key);
    if (member == nullptr) {
        return {};
    }
    if (!member->is_text()) {
        fail(fault_of(key, record_error::bad_type));
    }
    return member->text;
}

/// A time; never_us when the member is absent.
ingest::time_us question_reader::impl::time(member_key key) {
    auto const words = text(key);
    auto const read = ingest::read_time(words);
    using form = ingest::time_reading::form;
    if (read.is == form::unreadable) {
        fail(fault_of(key, record_error::bad_time));
    }
    // Of an hour that occurs twice, the first: a question has no duration yet to decide by.
    if (read.is == form::local) {
        auto const instants = ingest::instants_of(zone, read.value);
        return instants.first;
    }
    return read.is == form::utc ? read.value : ingest::never_us;
}

/// A length of time: in milliseconds for a member with _ms in its name, otherwise in seconds.
std::optional<std::int64_t> question_reader::impl::ms(member_key key) {
    if (at(key) == nullptr) {
        return std::nullopt;
    }
    auto const words = text(key);
    auto const read =
        key == member_key::billsec_ms ? ingest::parse_decimal(words, 0) : parse_seconds(words);
    if (!read) {
        fail(fault_of(key, record_error::bad_number));
    }
    return read;
}

ingest::call_direction question_reader::impl::direction() {
    auto words = text(member_key::direction);
    std::transform(words.begin(), words.end(), words.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    if (words == "inbound") {
        return ingest::call_direction::inbound;
    }
    if (!words.empty() && words != "outbound") {
        fail(fault_of(member_key::direction, record_error::bad_direction));
    }
    return ingest::call_direction::outbound;
}

std::optional<bool> question_reader::impl::on_net() {
    line_member const* const member = at(member_key::on_net);
    if (member == nullptr) {
        return std::nullopt;
    }
    if (member->text != "true" && member->text != "false") {
        fail(fault_of(member_key::on_net, record_error::bad_type, "neither true nor false"));
    }
    return member->text == "true";
}

std::optional<quantity> question_reader::impl::value() {
    auto const words = text(member_key::quantity);
    auto const read = parse_quantity(words);
    if (!words.empty() && !read) {
        fail(fault_of(member_key::quantity, record_error::bad_number,
                      "a quantity is a decimal number with at most nine decimals, up to 10^18"));
    }
    return read;
}

/// Reads the length of the call and the billed time, and computes the answer time if it is absent.
void question_reader::impl::take_durations(call_question& call) {
    auto const whole = ms(member_key::duration_s);
    auto billed = ms(member_key::billsec_ms);
    if (!billed) {
        billed = ms(member_key::billsec_s);
    }
    if (!whole && !billed) {
        fail(fault_of(member_key::duration_s, record_error::missing_field));
        return;
    }
    call.billable_ms = billed ? *billed : *whole;
    call.duration_ms = whole ? *whole : *billed;
    if (call.answer != ingest::never_us || call.billable_ms == 0) {
        return;
    }

    // The billed time is the end of the call, so the answer was that much before the end. For
    // figures that rating refuses the result does not matter, but it must not overflow.
    std::int64_t before_ms = 0;
    if (call.duration_ms > call.billable_ms && call.billable_ms > 0 &&
        call.duration_ms < INT64_MAX / 2000) {
        before_ms = call.duration_ms - call.billable_ms;
    }
    call.answer = call.start + before_ms * 1000;
}

call_question question_reader::impl::call() {
    call_question asked;
    asked.destination = text(member_key::destination);
    asked.caller = text(member_key::caller);
    asked.direction = direction();
    asked.start = time(member_key::start);
    asked.answer = time(member_key::answered_at);
    // A question may give one of the two times: the other is then not known any better.
    if (asked.start == ingest::never_us) {
        asked.start = asked.answer;
    }

    // What no call can be without. The others have defaults.
    if (asked.destination.empty()) {
        fail(fault_of(member_key::destination, record_error::missing_field,
                      "a call needs \"to\", an event \"metric\""));
    }
    if (asked.start == ingest::never_us) {
        fail(fault_of(member_key::start, record_error::missing_field));
    }

    asked.on_net = on_net();
    take_durations(asked);
    return asked;
}

usage_question question_reader::impl::usage() {
    usage_question asked;
    asked.metric = text(member_key::metric);
    asked.value = value();
    asked.time = time(member_key::start);
    if (asked.time == ingest::never_us) {
        fail(fault_of(member_key::start, record_error::missing_field));
    }

    // Every other member is a property. A call's members are too: a metric may count by them.
    for (line_member& member : line) {
        auto const is_own = [&](key_name const& each) {
            bool const is_of_usage = each.key == member_key::metric ||
                                     each.key == member_key::quantity ||
                                     each.key == member_key::start;
            return is_of_usage && each.name == member.name;
        };
        if (member.is != line_member::kind::absent &&
            (member.in_properties || std::none_of(key_names.begin(), key_names.end(), is_own))) {
            asked.properties.emplace_back(std::move(member.name), std::move(member.text));
        }
    }
    return asked;
}

question_reader::question_reader(std::string time_zone) : impl_(std::make_unique<impl>()) {
    impl_->zone = std::move(time_zone);
}

question_reader::~question_reader() = default;

rate_question question_reader::read(std::string_view line) {
    if (auto const error = impl_->parser.parse(line, impl_->line); error != record_error::none) {
        return question_fault{error, {}, std::string{ingest::explain(error)}};
    }
    impl_->fault = {};
    impl_->sort_members();

    // A line with a metric is a usage event, any other a call.
    rate_question question;
    if (impl_->at(member_key::metric) == nullptr) {
        question = impl_->call();
    } else {
        question = impl_->usage();
    }

    // A question with a fault gets no price: it would be that of another question.
    if (impl_->fault.error != record_error::none) {
        return impl_->fault;
    }
    return question;
}

} // namespace tally::rating
