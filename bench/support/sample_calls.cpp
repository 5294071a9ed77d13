#include "bench/support/sample_calls.hpp"

#include <array>
#include <stdexcept>

namespace tally::bench {
namespace {

using namespace std::string_view_literals;

constexpr ingest::time_us us_per_ms = 1'000;
constexpr ingest::time_us us_per_day = 86'400 * ingest::us_per_s;

/// The lengths of answered calls; shares add up to 100.
struct length_class {
    std::uint32_t share_percent;
    std::int64_t shortest_s;
    std::int64_t longest_s;
};
constexpr std::array length_classes{length_class{8, 1, 9},      length_class{20, 10, 29},
                                    length_class{22, 30, 59},   length_class{32, 60, 179},
                                    length_class{14, 180, 899}, length_class{4, 900, 5400}};

constexpr std::array causes_unanswered{"NO_ANSWER"sv, "USER_BUSY"sv, "ORIGINATOR_CANCEL"sv,
                                       "CALL_REJECTED"sv};

std::int64_t talk_s(repeatable_random& random) {
    std::uint64_t lot = random.below(100);
    for (auto const& length : length_classes) {
        if (lot < length.share_percent) {
            return random.between(length.shortest_s, length.longest_s);
        }
        lot -= length.share_percent;
    }
    throw std::logic_error{"length classes do not add up to 100"};
}

std::string with_digits(std::string_view prefix, std::size_t length, repeatable_random& random) {
    std::string number{"+"};
    number += prefix;
    while (number.size() < length + 1) {
        number += static_cast<char>('0' + random.below(10));
    }
    return number;
}

constexpr std::int64_t seconds_of(ingest::time_us span) noexcept {
    return span / ingest::us_per_s;
}

} // namespace

std::int64_t sample_call::duration_s() const noexcept {
    return seconds_of(end - start);
}

std::int64_t sample_call::billsec_s() const noexcept {
    return answer == ingest::never_us ? 0 : seconds_of(end - answer);
}

sample_calls::sample_calls(sample_catalog const& catalog, sample_calls_size size)
    : catalog_{catalog}, size_{size}, random_{size.seed},
      busy_{size.kind, static_cast<std::uint32_t>(catalog.subscribers.size()), random_} {
    for (std::uint32_t i = 0; i < catalog.prefixes.size(); ++i) {
        if (catalog.prefixes[i].starts_with("91")) {
            home_prefixes_.push_back(i);
        }
    }
    if (home_prefixes_.empty() || size.records == 0 || size.days == 0) {
        throw std::invalid_argument{"no calls, no days, or nowhere to call"};
    }
}

bool sample_calls::next(sample_call& out) {
    if (made_ == size_.records) {
        return false;
    }
    out = {};
    out.id = random_.uuid_v4();
    out.subscriber = busy_.choose(random_);
    out.direction =
        random_.percent(70) ? ingest::call_direction::outbound : ingest::call_direction::inbound;
    std::uint64_t const lot = random_.below(10);
    out.named = lot < 5 ? named_by::did : (lot < 9 ? named_by::account : named_by::subscription);
    out.trunk = random_.percent(30) ? static_cast<std::uint32_t>(random_.between(1, 24)) : 0;
    set_numbers(out);
    set_times(out);
    ++made_;
    return true;
}

void sample_calls::set_numbers(sample_call& call) {
    std::string ours = "+" + did_digits(call.subscriber);
    bool const is_outbound = call.direction == ingest::call_direction::outbound;
    (is_outbound ? call.caller_id : call.destination) = std::move(ours);
    (is_outbound ? call.destination : call.caller_id) = foreign_number();
}

std::string sample_calls::foreign_number() {
    if (random_.below(3) < 2) {
        auto const index = random_.one_of(std::span<std::uint32_t const>{home_prefixes_});
        return with_digits(catalog_.prefixes[index], 12, random_);
    }
    auto const& prefix = random_.one_of(std::span<std::string const>{catalog_.prefixes});
    return with_digits(prefix, static_cast<std::size_t>(random_.between(11, 13)), random_);
}

void sample_calls::set_times(sample_call& call) {
    // Each call starts at a random moment within its own share of the time, so that calls are
    // evenly distributed and in order.
    auto const span_ms = static_cast<std::uint64_t>(size_.days * (us_per_day / us_per_ms));
    std::uint64_t const from_ms = made_ * span_ms / size_.records;
    std::uint64_t const to_ms = (made_ + 1) * span_ms / size_.records;
    std::uint64_t const at_ms = from_ms + random_.below(to_ms > from_ms ? to_ms - from_ms : 1);
    call.start = size_.begin + static_cast<ingest::time_us>(at_ms) * us_per_ms;

    ingest::time_us const ringing = random_.between(800, 30'000) * us_per_ms;
    if (!random_.percent(75)) {
        call.end = call.start + ringing;
        call.hangup_cause = random_.one_of(std::span<std::string_view const>{causes_unanswered});
        return;
    }
    call.answer = call.start + ringing;
    call.end =
        call.answer + talk_s(random_) * ingest::us_per_s + random_.between(0, 999) * us_per_ms;
    call.hangup_cause = "NORMAL_CLEARING";
}

std::vector<sample_call> make_sample_calls(sample_catalog const& catalog, sample_calls_size size) {
    sample_calls source{catalog, size};
    std::vector<sample_call> calls;
    calls.reserve(size.records);
    for (sample_call call; source.next(call);) {
        calls.push_back(call);
    }
    return calls;
}

} // namespace tally::bench
