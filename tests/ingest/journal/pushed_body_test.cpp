#include "ingest/formats/formats.hpp"
#include "ingest/journal/pushed_body.hpp"
#include "ingest/journal/pushed_settings.hpp"
#include "ingest/json/number_rules.hpp"
#include "tests/support/event_json.hpp"

#include <algorithm>
#include <functional>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <iterator>

// What the journal keeps of a push, and how it is read again.

namespace tally::ingest {
namespace {

constexpr time_us long_ago = 1'600'000'000'000'000;

std::string const call =
    R"({"uuid":"d0000000-0000-4000-8000-000000000001","account_number":"ACC-1",)"
    R"("direction":"outbound","caller_id":"1001","destination":"4420",)"
    R"("start_time":"2026-05-04T10:00:00Z","end_time":"2026-05-04T10:01:02Z",)"
    R"("duration":62,"billsec":60})";

std::string event(std::string const& id, std::string const& type) {
    return tests::event_json{type, id}.with("subject", "SUB-1").data(R"({"metric":"sms"})").text();
}

struct pushed_body : testing::Test {
    /// A block as a session makes it.
    std::unique_ptr<record_block> pushed(std::string_view format, std::string body) {
        auto block = std::make_unique<record_block>();
        block->sender = std::make_shared<source const>(sources.local());
        block->in_format = find_format(format);
        block->content_type = "application/json";
        block->batch.set_body(std::move(body));
        block->in_format->decode({*block->sender, block->content_type, {}, 1}, block->batch);
        return block;
    }
    std::unique_ptr<record_block> read_again(record_block const& block) {
        return decode_pushed(encode_pushed(block), sources, long_ago);
    }

    void set(std::function<void(source&)> const& change) {
        source local = sources.local();
        change(local);
        sources = source_table{{local}};
    }

    source_table sources{std::vector<source>(1)};
};

TEST_F(pushed_body, calls_come_back) {
    auto const block = pushed("canonical", call + "\n{}\n" + call);
    auto const again = read_again(*block);
    EXPECT_EQ(again->in_format, block->in_format);
    EXPECT_EQ(again->content_type, "application/json");
    EXPECT_EQ(again->batch.cdrs, block->batch.cdrs);
    EXPECT_EQ(again->received, long_ago);
    EXPECT_EQ(again->batch.rejected, block->batch.rejected);
    EXPECT_FALSE(again->suspend_rejected);
}

TEST_F(pushed_body, events_come_back_at_the_time_they_came) {
    auto const block = pushed("cloudevents", event("1", "usage") + "\n{}\n" + event("2", "usage"));
    auto const again = read_again(*block);
    ASSERT_EQ(again->batch.events.size(), 2u);
    EXPECT_EQ(block->batch.events[0].occurred, 1);
    EXPECT_EQ(again->batch.events[0].occurred, long_ago);
    EXPECT_TRUE(again->batch.events[0].time_assumed);
    for (std::size_t i = 0; i < 2; ++i) {
        block->batch.events[i].occurred = long_ago;
        EXPECT_EQ(again->batch.events[i], block->batch.events[i]) << "and says the same";
    }
    EXPECT_EQ(again->batch.rejected, block->batch.rejected);
    EXPECT_FALSE(again->suspend_rejected);
}

TEST_F(pushed_body, a_single_event_of_an_unknown_type_is_decoded_again) {
    auto const block = pushed("cloudevents", event("1", "from.tomorrow"));
    ASSERT_EQ(block->batch.rejected.size(), 1u);
    auto const again = read_again(*block);
    EXPECT_EQ(again->batch.rejected, block->batch.rejected);
    EXPECT_TRUE(again->batch.rejected.at(0).suspended);
    EXPECT_FALSE(again->suspend_rejected) << "or it would be kept as an unreadable body";
}

TEST_F(pushed_body, what_could_not_be_taken_apart_is_not_tried_again) {
    auto const block = pushed("freeswitch", "!");
    block->batch.reject_body(record_error::bad_encoding, "a broken gzip");
    block->suspend_rejected = true;
    auto const again = read_again(*block);
    EXPECT_EQ(again->batch.rejected, block->batch.rejected);
    EXPECT_TRUE(again->suspend_rejected);
}

TEST_F(pushed_body, of_another_version_waits_in_suspense) {
    auto const block = pushed("canonical", call);
    format const later{.name = "later",
                       .description = {},
                       .decode = block->in_format->decode,
                       .cut = framing::line,
                       .sender = sender_kind::application,
                       .kind = record_kind::event,
                       .paths = {},
                       .by_file = false};
    block->in_format = &later;
    auto const again = read_again(*block);
    ASSERT_EQ(again->batch.rejected.size(), 1u);
    EXPECT_EQ(again->batch.rejected[0].raw, call);
    EXPECT_NE(again->batch.rejected[0].detail.find("'later'"), std::string::npos);
    EXPECT_TRUE(again->suspend_rejected);
}

TEST_F(pushed_body, what_was_taken_is_kept_whatever_its_source_says_now) {
    auto const block = pushed("canonical", call + "\n{}\n" + call);
    set([](source& local) { local.record_bytes_max = 100; });
    auto const again = read_again(*block);
    EXPECT_EQ(again->batch.cdrs, block->batch.cdrs);
    EXPECT_EQ(again->batch.rejected, block->batch.rejected);
    EXPECT_EQ(again->sender->record_bytes_max, 100U) << "and it is that source";
}

TEST_F(pushed_body, what_was_too_large_then_is_not_taken_now) {
    set([](source& local) { local.record_bytes_max = 400; });
    auto large = call;
    large.insert(1, R"("metadata":{"pad":")" + std::string(400, 'x') + R"("},)");
    auto const block = pushed("canonical", large + "\n" + call + "\n" + large);
    ASSERT_EQ(block->batch.rejected.size(), 2U);
    set([](source& local) { local.record_bytes_max = 1 << 20; });
    auto const again = read_again(*block);
    EXPECT_EQ(again->batch.cdrs, block->batch.cdrs);
    EXPECT_EQ(again->batch.rejected, block->batch.rejected);
    EXPECT_EQ(again->batch.received(), 3U);
}

TEST_F(pushed_body, b_legs_are_what_they_were) {
    std::string const a_leg = R"({"variables":{"uuid":"f0000000-0000-4000-8000-000000000001",)"
                              R"("direction":"inbound","start_uepoch":"1777888800000000",)"
                              R"("end_uepoch":"1777888862000000","duration":"62","billsec":"61"},)"
                              R"("callflow":[{"caller_profile":{"caller_id_number":"1",)"
                              R"("destination_number":"2"}}]})";
    auto b_leg = a_leg;
    b_leg.insert(b_leg.find("\"direction\""), R"("originating_leg_uuid":"x",)");
    std::string const body = "[" + b_leg + "," + a_leg + "," + b_leg + ",{}]";
    for (auto const then : {b_leg_policy::accept, b_leg_policy::skip}) {
        set([&](source& local) { local.b_legs = then; });
        auto const block = pushed("freeswitch", body);
        block->suspend_rejected = true;
        bool const skips = then == b_leg_policy::skip;
        ASSERT_EQ(block->batch.cdrs.size(), skips ? 1U : 3U);
        set([&](source& local) {
            local.b_legs = skips ? b_leg_policy::accept : b_leg_policy::skip;
        });
        auto const again = read_again(*block);
        EXPECT_EQ(again->batch.cdrs, block->batch.cdrs);
        EXPECT_EQ(again->batch.cdr_index, block->batch.cdr_index);
        EXPECT_EQ(again->batch.rejected, block->batch.rejected);
        EXPECT_EQ(again->batch.skipped, skips ? 2U : 0U);
        EXPECT_EQ(again->batch.received(), 4U);
    }
}

/// A decoder of another version, which finds other records, or accepts others: it reads one word a
/// line, after the replacements in `changes`.
struct other_version {
    static inline std::vector<std::pair<std::string, std::string>> changes;
    static void decode(decode_context const&, record_batch& batch) noexcept {
        std::string_view rest = batch.body;
        for (std::uint32_t index = 0; !rest.empty(); ++index) {
            auto const line = rest.substr(0, rest.find('\n'));
            rest.remove_prefix(std::min(rest.size(), line.size() + 1));
            take(line, index, batch);
        }
    }
    static void take(std::string_view line, std::uint32_t index, record_batch& batch) {
        auto const subject = [line](auto const& change) { return change.first == line; };
        auto const change = std::ranges::find_if(changes, subject);
        std::string_view const verdict = change == changes.end() ? line : change->second;
        if (verdict.starts_with("bad")) {
            batch.rejected.push_back({index, record_error::bad_time, {}, {}, line, false});
        } else if (verdict.starts_with("skip")) {
            ++batch.skipped;
        } else if (verdict.starts_with("call")) {
            cdr good;
            good.raw = line;
            batch.cdrs.push_back(good);
            batch.cdr_index.push_back(index);
        }
    }
    static std::vector<std::string_view> raw(record_batch const& batch) {
        std::vector<std::string_view> all;
        std::ranges::transform(batch.cdrs, std::back_inserter(all), &cdr::raw);
        return all;
    }
};

struct decided_push : pushed_body {
    ~decided_push() override { other_version::changes.clear(); }

    /// Decodes with the decoder of then, encodes, and decodes with that of now: like the daemon,
    /// except that the table of formats is searched by name.
    std::unique_ptr<record_block>
    again_after(std::string body, bool suspends,
                std::vector<std::pair<std::string, std::string>> changes) {
        auto const block = std::make_unique<record_block>();
        block->sender = std::make_shared<source const>(sources.local());
        block->in_format = &lines;
        block->suspend_rejected = suspends;
        block->batch.set_body(std::move(body));
        other_version::decode({*block->sender, {}, {}, 1}, block->batch);
        payload = encode_pushed(*block);
        records = block->batch.received();
        other_version::changes = std::move(changes);
        return decode_pushed(payload, sources, long_ago, one_format);
    }
    static format const* one_format(std::string_view) noexcept { return &lines; }

    static constexpr format lines{.name = "lines",
                                  .description = {},
                                  .decode = other_version::decode,
                                  .cut = framing::line,
                                  .sender = sender_kind::application,
                                  .kind = record_kind::cdr,
                                  .paths = {},
                                  .by_file = false};
    std::string payload;
    std::uint32_t records = 0;
};

using testing::ElementsAre;

TEST_F(decided_push, what_a_later_decoder_rejects_waits_in_suspense_as_it_came) {
    auto const again = again_after("call 1\nbad 2\ncall 3\nskip 4", false, {{"call 3", "bad"}});
    EXPECT_THAT(other_version::raw(again->batch), ElementsAre("call 1"));
    ASSERT_EQ(again->batch.rejected.size(), 2U);
    EXPECT_FALSE(again->batch.rejected[0].suspended) << "its sender got the error";
    EXPECT_TRUE(again->batch.rejected[1].suspended);
    EXPECT_EQ(again->batch.rejected[1].raw, "call 3");
    EXPECT_EQ(again->batch.received(), records);
}

TEST_F(decided_push, what_was_not_taken_does_not_come_in_later) {
    auto const again = again_after("bad 1\ncall 2\nskip 3\nbad 4\nbad 5", false,
                                   {{"bad 1", "call"}, {"skip 3", "call"}, {"bad 4", "skip"}});
    EXPECT_THAT(other_version::raw(again->batch), ElementsAre("call 2"));
    EXPECT_THAT(again->batch.cdr_index, ElementsAre(1U));
    ASSERT_EQ(again->batch.rejected.size(), 1U);
    EXPECT_FALSE(again->batch.rejected[0].suspended);
    EXPECT_EQ(again->batch.received(), records);
}

TEST_F(decided_push, what_a_switch_sent_is_stored_or_waits) {
    auto const again = again_after("bad 1\ncall 2\nskip 3\nskip 4", true,
                                   {{"bad 1", "call"}, {"call 2", "bad"}, {"skip 4", "bad"}});
    EXPECT_THAT(other_version::raw(again->batch), ElementsAre("bad 1"));
    ASSERT_EQ(again->batch.rejected.size(), 1U);
    EXPECT_EQ(again->batch.rejected[0].raw, "call 2");
    EXPECT_TRUE(again->suspend_rejected);
    EXPECT_EQ(again->batch.received(), records);
}

TEST_F(decided_push, other_records_than_before_wait_as_a_whole) {
    std::string const body = "call 1\ncall 2\nbad 3";
    for (std::string const verdict : {"nothing", "skip"}) {
        auto const again = again_after(body, false, {{"call 2", verdict}});
        EXPECT_TRUE(again->batch.cdrs.empty());
        ASSERT_EQ(again->batch.rejected.size(), 1U);
        EXPECT_EQ(again->batch.rejected[0].raw, body);
        EXPECT_TRUE(again->suspend_rejected);
        other_version::changes.clear();
    }
}

TEST_F(pushed_body, of_an_earlier_version_is_read_by_the_settings_of_now) {
    auto const block = pushed("canonical", call + "\n{}");
    auto payload = encode_pushed(*block);

    // The second version had no settings and no payers.
    auto const settings = encode_settings(*block->sender).size() + 4;
    auto const body = payload.size() - block->batch.body.size() - 4;
    payload.erase(body - settings - 4, settings + 4);
    payload[0] = '\2';
    // The first one had no decision either: 8 bytes of limit, 4 of count, and a run of 8.
    auto first = payload;
    first.erase(body - settings - 4 - 24, 24);
    first[0] = '\1';
    for (auto const& earlier : {payload, first}) {
        auto const again = decode_pushed(earlier, sources, long_ago);
        EXPECT_EQ(again->batch.cdrs, block->batch.cdrs);
        EXPECT_EQ(again->batch.rejected, block->batch.rejected);
        EXPECT_TRUE(again->decided.empty());
    }
}

TEST_F(pushed_body, keeps_who_pays) {
    auto const block = pushed("canonical", call);
    payer one;
    one.account_id = uuid_v7();
    one.direction = call_direction::inbound;
    block->decided.set(0, one);
    auto const again = decode_pushed(encode_pushed(*block), sources, long_ago);
    EXPECT_EQ(again->decided, block->decided);
}

TEST_F(pushed_body, is_read_by_the_settings_that_its_source_had) {
    auto const block = pushed("canonical", call);
    auto changed = *block->sender;
    changed.time_zone = "Asia/Kolkata";
    changed.percent = percent_policy::never;
    changed.numbers = read_number_rules(R"({"country_code": "91"})").rules;
    block->sender = std::make_shared<source const>(changed);
    auto const again = decode_pushed(encode_pushed(*block), sources, long_ago);
    EXPECT_EQ(again->sender->time_zone, "Asia/Kolkata");
    EXPECT_EQ(again->sender->percent, percent_policy::never);
    EXPECT_EQ(again->sender->numbers, changed.numbers);
    EXPECT_EQ(*with_settings(block->sender, "no settings"), changed);
}

TEST_F(pushed_body, of_a_newer_version_is_not_taken_for_something_else) {
    auto payload = encode_pushed(*pushed("canonical", call));
    payload[0] = '\4';
    EXPECT_THROW((void)decode_pushed(payload, sources, long_ago), newer_push);
    EXPECT_THROW((void)decode_pushed("\4", sources, long_ago), newer_push) << "before any field";
    EXPECT_THROW((void)decode_pushed("\xff", sources, long_ago), newer_push);
}

} // namespace
} // namespace tally::ingest
