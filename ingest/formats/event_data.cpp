#include "ingest/formats/event_data.hpp"

#include "ingest/text/ascii.hpp"
#include "ingest/text/decimal_nanos.hpp"
#include "ingest/text/timestamp.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <numeric>

namespace tally::ingest {
namespace {

using kind = json_token::kind;

/// A value with its quotes, as written in the object.
std::string_view whole(json_token const& token) noexcept {
    return token.is == kind::string ? std::string_view{token.text.data() - 1, token.text.size() + 2}
                                    : token.text;
}

bool is_address(std::string_view text) noexcept {
    // inet_pton needs a NUL at the end, which a view does not have.
    char zeroed[INET6_ADDRSTRLEN] = {};
    char bytes[16];
    if (text.size() >= sizeof zeroed) {
        return false;
    }
    std::copy(text.begin(), text.end(), zeroed);
    return inet_pton(AF_INET, zeroed, bytes) == 1 || inet_pton(AF_INET6, zeroed, bytes) == 1;
}

} // namespace

event_data_reader& event_data_reader::of_this_thread() {
    thread_local event_data_reader reader;
    return reader;
}

bool event_data_reader::open(std::string_view data, text_arena& arena) {
    arena_ = &arena;
    members_.clear();
    // The reader serves all events of a thread, so everything of the event before is cleared.
    tokens_.fill({});
    asked_.reset();
    fault_ = {};

    // The data was normalized before, so an error here means that it is no object.
    simdjson::ondemand::document document;
    simdjson::ondemand::object object;
    auto error = parser_.iterate(data, document);
    error = error ? error : document.get_object().get(object);
    if (error) {
        return fail_field(record_error::bad_data, "data", "expected a JSON object");
    }

    for (auto each : object) {
        simdjson::ondemand::field field;
        member found;
        json_token token;
        if (std::move(each).get(field) || read_token(field.value(), token)) {
            return fail_field(record_error::bad_data, "data", "expected a JSON object");
        }

        // All members are kept, in order: properties and content need the unknown ones too.
        found.name = key_of(field);
        found.value = whole(token);
        found.index = event_member_keys.find(found.name);
        members_.push_back(found);
        if (found.index != event_member_keys.absent) {
            tokens_[found.index] = token;
        }
    }
    parser_.trim();
    return true;
}

bool event_data_reader::fail_field(record_error error, std::string_view field,
                                   std::string_view detail) noexcept {
    fault_ = {error, field, detail};
    return false;
}

bool event_data_reader::fail(record_error error, event_member name,
                             std::string_view detail) noexcept {
    return fail_field(error, path_of(name), detail);
}

json_token const& event_data_reader::token(event_member name) noexcept {
    asked_.set(static_cast<std::size_t>(name));
    return tokens_[static_cast<std::size_t>(name)];
}

bool event_data_reader::has(event_member name) const noexcept {
    return !tokens_[static_cast<std::size_t>(name)].is_absent();
}

bool event_data_reader::require(event_member name) {
    return has(name) || fail(record_error::missing_field, name, "the member is required");
}

bool event_data_reader::text(event_member name, std::string_view& out, std::size_t bytes_max) {
    json_token const& found = token(name);
    if (found.is_absent()) {
        return true;
    }

    // A number is as good as its text: senders differ in whether they quote ids.
    if (found.is != kind::string && found.is != kind::number) {
        return fail(record_error::bad_type, name, "expected a string");
    }
    out = text_of(found, *arena_);
    return out.size() <= bytes_max ||
           fail(record_error::field_too_long, name, "the text is too long");
}

bool event_data_reader::required_text(event_member name, std::string_view& out,
                                      std::size_t bytes_max) {
    return require(name) && text(name, out, bytes_max);
}

bool event_data_reader::uuid_of(event_member name, uuid& out) {
    std::string_view words;
    // An absent or empty member is no fault: the caller's default stays.
    if (!text(name, words) || words.empty()) {
        return !fault_;
    }

    // Nil for a bad one: the caller ignores the event's members after a fault.
    auto const id = parse_uuid(words);
    out = id.value_or(uuid{});
    return id || fail(record_error::bad_uuid, name, "expected a UUID");
}

bool event_data_reader::integer(event_member name, std::int64_t min, std::int64_t max,
                                std::int64_t& out) {
    std::string_view words;
    if (!text(name, words) || words.empty()) {
        return !fault_;
    }

    // Read as a decimal, since some encoders write every number with a point: 2.0 is whole.
    auto const nanos = parse_decimal_nanos(words);
    constexpr int128 one = 1'000'000'000;
    if (!nanos || *nanos % one != 0 || *nanos / one < min || *nanos / one > max) {
        return fail(record_error::bad_number, name, "expected a whole number in its range");
    }
    out = static_cast<std::int64_t>(*nanos / one);
    return true;
}

bool event_data_reader::decimal(event_member name, int128& out) {
    std::string_view words;
    if (!text(name, words) || words.empty()) {
        return !fault_;
    }
    auto const nanos = parse_decimal_nanos(words);
    out = nanos.value_or(0);
    return nanos || fail(record_error::bad_number, name,
                         "expected a decimal of at most 18 digits before and 9 after the point");
}

bool event_data_reader::word(event_member name, std::initializer_list<std::string_view> words,
                             std::string_view& out) {
    std::string_view found;
    if (!text(name, found) || found.empty()) {
        return !fault_;
    }

    // The word of the list goes on, not the sender's, so that groups do not split by case.
    auto const same = std::find_if(words.begin(), words.end(), [found](std::string_view each) {
        return equal_ignoring_case(found, each);
    });
    if (same == words.end()) {
        return fail(record_error::bad_value, name, "not one of the allowed words");
    }
    out = *same;
    return true;
}

bool event_data_reader::exact_word(event_member name,
                                   std::initializer_list<std::string_view> words) {
    // The database gets the data as sent and compares exactly.
    std::string_view sent;
    std::string_view known;
    return text(name, sent) && word(name, words, known) &&
           (sent == known || fail(record_error::bad_value, name, "the word must be in lower case"));
}

bool event_data_reader::address(event_member name, std::string_view& out) {
    return text(name, out) && (out.empty() || is_address(out) ||
                               fail(record_error::bad_value, name, "expected an IP address"));
}

bool event_data_reader::time(event_member name) {
    json_token const& found = token(name);
    if (found.is_absent()) {
        return true;
    }

    // Seconds since 1970 are refused here: the database reads the member as a timestamp.
    std::string_view const words =
        found.is == kind::string ? text_of(found, *arena_) : std::string_view{};
    return read_time_text(words).is == time_reading::form::utc ||
           fail(record_error::bad_time, name, "expected RFC 3339 with a zone");
}

bool event_data_reader::object(event_member name) {
    json_token const& found = token(name);
    return found.is == kind::object || found.is == kind::absent || found.is == kind::null ||
           fail(record_error::bad_type, name, "expected an object");
}

std::string_view event_data_reader::properties() {
    built_.clear();
    for (auto const& each : members_) {
        // A member that was read has a column of its own.
        if (each.index != event_member_keys.absent && asked_.test(each.index)) {
            continue;
        }
        built_ += built_.empty() ? "{\"" : ",\"";
        built_.append(each.name).append("\":").append(each.value);
    }

    // Nothing is stored then: NULL is smaller than an empty object.
    if (built_.empty()) {
        return {};
    }
    built_ += '}';
    return arena_->keep(built_);
}

void event_data_reader::append_content(std::string& out) {
    // JSON members have no order, so the content is hashed in the order of the names; a repeated
    // name keeps its own order.
    order_.resize(members_.size());
    std::iota(order_.begin(), order_.end(), 0U);
    std::sort(order_.begin(), order_.end(), [this](std::uint32_t a, std::uint32_t b) {
        return std::tie(members_[a].name, a) < std::tie(members_[b].name, b);
    });

    // NUL separates the members: JSON has it neither in a name nor in a value.
    for (std::uint32_t const index : order_) {
        out.push_back('\0');
        out.append(members_[index].name).push_back(':');
        out.append(members_[index].value);
    }
}

} // namespace tally::ingest
