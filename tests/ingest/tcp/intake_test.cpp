#include "ingest/tcp/intake.hpp"

#include "tests/ingest/push/test_sink.hpp"

#include "ingest/tcp/lines.hpp"
#include "tests/ingest/formats/decoder_helpers.hpp"

#include <algorithm>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

// The protocol of a TCP connection without its socket.

namespace tally::tests {
namespace {

using namespace ingest;
using testing::ElementsAre;
using testing::HasSubstr;
using step = tcp_intake::step_result;

class counting final : public push_observer {
  public:
    std::uint32_t received = 0;
    std::uint32_t accepted = 0;

  private:
    void counted(push_counts const& counts) noexcept override {
        received += counts.received;
        accepted += counts.accepted;
    }
    void acknowledged(double) noexcept override {}
};

struct connected {
    explicit connected(push_test_sink& target, bool loopback = true)
        : intake{target, observer, loopback} {
        intake.on_stored(
            [this](std::uint64_t group, bool durable) { stored.emplace_back(group, durable); });
    }
    /// Feeds bytes, steps until more are needed, and returns the text that is sent meanwhile.
    std::string say(std::string_view bytes) {
        intake.received(bytes);
        return work();
    }
    std::string work() {
        std::string text;
        do {
            last = intake.step();
            for (auto const& [group, durable] : std::exchange(stored, {})) {
                intake.done(group, durable);
            }
            text += intake.take();
        } while (last == step::again);
        return text;
    }

    counting observer;
    std::vector<std::pair<std::uint64_t, bool>> stored;
    tcp_intake intake;
    step last = step::more;
};

std::vector<std::string> lines_of(std::string_view text) {
    std::vector<std::string> lines;
    for (auto end = text.find('\n'); end != text.npos; end = text.find('\n')) {
        lines.emplace_back(text.substr(0, end));
        text.remove_prefix(end + 1);
    }
    return lines;
}

TEST(tcp_intake, acknowledges_records_and_tells_of_bad_ones_before) {
    push_test_sink sink;
    connected target{sink};
    auto const text =
        target.say(canonical() + "\n\n" + canonical({{"uuid", ""}}) + "\n" + canonical() + "\n");
    EXPECT_THAT(
        lines_of(text),
        ElementsAre("{\"ack\":1}",
                    HasSubstr(R"({"error":{"index":1,"code":"missing_field","field":"uuid")"),
                    R"({"ack":3})"));
    EXPECT_EQ(target.observer.received, 3U);
    EXPECT_EQ(target.observer.accepted, 2U);
    EXPECT_EQ(sink.bytes_held(), 0U);
    EXPECT_THAT(lines_of(target.say("[1]\n{\n" + canonical() + "\n[" + canonical() + "," +
                                    canonical() + "]\n")),
                ElementsAre(HasSubstr("\"index\":3"), HasSubstr("\"index\":4"),
                            HasSubstr(R"("index":6,"code":"not_an_object")"), R"({"ack":7})"));
    EXPECT_EQ(sink.bytes_held(), 0U);
}

TEST(tcp_intake, says_the_same_wherever_the_bytes_are_cut) {
    std::string const input = R"({"hello":{"format":"cloudevents"}})"
                              "\n" +
                              cloudevent("usage", R"({"metric":"sms"})") + "\r\n \n" + "{bad\n" +
                              cloudevent("other", "1") + "\n";
    for (std::size_t cut = 0; cut <= input.size(); ++cut) {
        push_test_sink sink;
        connected target{sink};
        auto text = target.say(std::string_view{input}.substr(0, cut));
        text += target.say(std::string_view{input}.substr(cut));
        auto const lines = lines_of(text);
        ASSERT_FALSE(lines.empty()) << cut;
        EXPECT_EQ(lines.back(), R"({"ack":3})") << cut;
        EXPECT_THAT(text, HasSubstr(R"("index":1,"code":"not_json")")) << cut;
        EXPECT_THAT(text, HasSubstr(R"("index":2,"code":"unknown_type")")) << cut;
        EXPECT_EQ(sink.bytes_held(), 0U) << cut;
    }
}

TEST(tcp_intake, acknowledges_in_order_and_only_what_is_durable) {
    push_test_sink sink;
    sink.options = push_test_sink::finishing::on_order;
    connected target{sink};
    EXPECT_EQ(target.say(canonical() + "\n"), "");
    EXPECT_EQ(target.say(canonical({{"uuid", "\"b\""}}) + "\n{}\n"), "");
    EXPECT_EQ(sink.under_way(), 2U);
    target.intake.done(1, true);
    EXPECT_EQ(target.intake.take(), "");
    target.intake.done(0, true);
    EXPECT_THAT(lines_of(target.intake.take()),
                ElementsAre(HasSubstr("\"index\":2"), R"({"ack":3})"));
    EXPECT_TRUE(target.intake.all_done());
}

TEST(tcp_intake, ends_when_a_record_was_not_stored) {
    push_test_sink sink;
    sink.options = push_test_sink::finishing::on_order;
    connected target{sink};
    target.say(canonical() + "\n");
    target.say(canonical() + "\n");
    target.intake.done(0, false);
    target.intake.done(1, true);
    EXPECT_THAT(target.work(), HasSubstr("not_stored"));
    EXPECT_EQ(target.last, step::close);
}

TEST(tcp_intake, waits_for_room_and_drops_nothing) {
    push_test_sink sink;
    sink.bytes_max = 10;
    connected target{sink};
    EXPECT_EQ(target.say(canonical() + "\n"), "");
    EXPECT_EQ(target.last, step::wait);
    sink.bytes_max = 1 << 20;
    EXPECT_EQ(target.work(), "{\"ack\":1}\n");
    sink.is_closed = true;
    EXPECT_THAT(target.say(canonical() + "\n"), HasSubstr("stopping"));
    EXPECT_EQ(target.last, step::close);
}

TEST(tcp_intake, reads_no_further_while_its_errors_are_not_read) {
    push_test_sink sink;
    connected target{sink};
    constexpr std::size_t lines = 60'000;
    std::string bad;
    for (std::size_t i = 0; i < lines; ++i) {
        bad += "{}\n";
    }
    target.intake.received(bad);
    std::size_t most = 0;
    auto const work_until_full = [&] {
        while (!target.intake.is_full() && target.intake.step() == step::again) {
        }
        most = std::max(most, target.intake.unsaid_bytes());
    };
    work_until_full();
    EXPECT_TRUE(target.intake.is_full());
    auto text = target.intake.take();
    EXPECT_TRUE(target.intake.is_full()) << "it is being sent, and the peer does not read it";
    for (int turns = 0; turns < 100 && !text.ends_with("{\"ack\":60000}\n"); ++turns) {
        text += target.intake.take();
        work_until_full();
    }
    auto const message = lines_of(text);
    auto const is_error = [](std::string const& line) { return line.starts_with("{\"error\""); };
    EXPECT_EQ(std::ranges::count_if(message, is_error), lines);
    EXPECT_EQ(target.observer.received, lines);
    EXPECT_LT(most, 2 * tcp_intake::unsaid_bytes_max);
    EXPECT_EQ(target.intake.take(), "");
    EXPECT_EQ(target.intake.unsaid_bytes(), 0U);
}

TEST(tcp_intake, counts_the_errors_of_records_that_are_not_durable_yet) {
    push_test_sink sink;
    sink.options = push_test_sink::finishing::on_order;
    connected target{sink};
    target.say(canonical() + "\n{}\n{}\n");
    EXPECT_GT(target.intake.unsaid_bytes(), 100U);
    target.intake.done(0, false);
    EXPECT_EQ(target.intake.unsaid_bytes(), 0U) << "and those that are never said";
}

TEST(tcp_intake, asks_who_it_is) {
    push_test_sink open;
    EXPECT_EQ(connected(open, false).say(canonical() + "\n"),
              R"({"error":{"code":"forbidden","detail":"no source has a token yet, so only this )"
              R"(machine itself may push; add one with 'tallyd source add'"}})"
              "\n");
    source disabled = source_with_token("old", "rusty");
    disabled.is_active = false;
    push_test_sink sink{{{}, source_with_token("pbx", "secret"), disabled}};
    EXPECT_EQ(connected(sink).say(canonical() + "\n"),
              R"({"error":{"code":"unauthorized","detail":"send the source's token: )"
              R"('Authorization: Bearer <token>'"}})"
              "\n");
    EXPECT_EQ(connected(sink).say(R"({"hello":{"token":"guess"}})"
                                  "\n"),
              R"({"error":{"code":"unauthorized","detail":"no source has this token"}})"
              "\n");
    EXPECT_EQ(connected(sink).say(R"({"hello":{"token":"rusty"}})"
                                  "\n"),
              R"({"error":{"code":"forbidden","detail":"the source 'old' is disabled"}})"
              "\n");
    connected known{sink, false};
    EXPECT_EQ(known.say(R"({"hello":{"token":"secret"}})"
                        "\n" +
                        canonical() + "\n"),
              "{\"ack\":1}\n");
    EXPECT_EQ(sink.taken().front().source, "pbx");
    EXPECT_THAT(connected(sink).say(R"({"hello":{"token":"secret","format":"freeswitch"}})"
                                    "\n"),
                HasSubstr("unknown_format"));
}

TEST(tcp_intake, passes_over_what_is_too_long) {
    source small;
    small.record_bytes_max = 2000;
    push_test_sink sink{{small}};
    connected target{sink};
    std::string text = target.say(canonical() + "\n");
    for (int i = 0; i < 50; ++i) {
        text += target.say(std::string(100, 'x'));
    }
    text += target.say("\n" + canonical() + "\n" + std::string(3000, 'y') + "\n");
    EXPECT_THAT(lines_of(text),
                ElementsAre("{\"ack\":1}", HasSubstr(R"("index":1,"code":"record_too_large")"),
                            HasSubstr("{\"ack\":2}"), HasSubstr("{\"ack\":3}"),
                            HasSubstr(R"("index":3,"code":"record_too_large")"),
                            HasSubstr("{\"ack\":4}")));
}

TEST(tcp_intake, takes_the_last_line_of_a_side_that_closes) {
    push_test_sink sink;
    connected target{sink};
    EXPECT_EQ(target.say(canonical()), "");
    target.intake.ended();
    EXPECT_EQ(target.work(), "{\"ack\":1}\n");
}

} // namespace
} // namespace tally::tests
