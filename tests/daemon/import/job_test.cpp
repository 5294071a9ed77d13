#include "daemon/import/job.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <deque>
#include <set>

namespace tally::daemon {
namespace {

using ingest::push_status;
using ingest::record_error;

/// A format for tests: a line is a call with this text as its name. "bad…" is rejected, "skip…" is
/// skipped, "later…" is suspended; "poison" makes the whole piece unreadable.
void decode_words(ingest::decode_context const& /*context*/, ingest::record_batch& batch) noexcept {
    std::string_view rest = batch.body;
    std::uint32_t index = 0;
    while (!rest.empty()) {
        auto const word = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(std::min(rest.size(), word.size() + 1));
        if (word.empty()) {
            continue;
        }
        if (word == "poison") {
            batch.body_error = record_error::not_json;
            return;
        }
        if (word.starts_with("bad")) {
            batch.rejected.push_back({index, record_error::bad_time, "start", "no such day", word});
        } else if (word.starts_with("later")) {
            batch.rejected.push_back({index, record_error::unknown_type, {}, {}, word, true});
        } else if (word.starts_with("skip")) {
            ++batch.skipped;
        } else {
            ingest::cdr call;
            call.caller_id = word;
            call.raw = word;
            batch.cdrs.push_back(call);
            batch.cdr_index.push_back(index);
        }
        ++index;
    }
}

ingest::format const words{.name = "words",
                           .description = "for tests",
                           .decode = decode_words,
                           .cut = ingest::framing::line,
                           .sender = ingest::sender_kind::telephony_switch,
                           .kind = ingest::record_kind::cdr,
                           .paths = {},
                           .by_file = true};

/// Stores words as a pipeline stores calls: each once, blocks finish later, credit is bounded, and
/// the position of a stream moves with the stored words.
class word_store final : public ingest::record_sink {
  public:
    std::size_t credit = 1'000'000;     ///< wraps below 0 for one large block
    std::size_t blocks_held = 0;        ///< blocks that stay under way
    bool is_stuck = false;              ///< nothing is stored any longer: the database is lost
    std::size_t close_after = SIZE_MAX; ///< blocks
    std::multiset<std::string> stored;
    std::multiset<std::string> suspended;
    std::uint64_t position = 0;
    std::size_t blocks_pushed = 0;
    std::size_t under_way_most = 0;

    push_status admit(std::size_t bytes) noexcept override {
        if (blocks_pushed >= close_after) {
            return push_status::closed;
        }
        if (bytes > credit && !under_way_.empty()) { // as in the pipeline, one always passes
            finish(1);                               // a block finishes meanwhile
            return push_status::full;
        }
        credit -= bytes;
        under_way_most = std::max(under_way_most, under_way_.size() + 1);
        return push_status::pushed;
    }
    void release(std::size_t bytes) noexcept override { credit += bytes; }
    push_status push(std::unique_ptr<ingest::record_block>& block) override {
        ++blocks_pushed;
        under_way_.push_back(std::move(block));
        if (under_way_.size() > blocks_held) {
            finish(under_way_.size() - blocks_held);
        }
        return push_status::pushed;
    }
    std::shared_ptr<ingest::source_table const> sources() const override { return nullptr; }

    void finish(std::size_t blocks) {
        for (; blocks > 0 && !under_way_.empty() && !is_stuck; --blocks) {
            auto const block = std::move(under_way_.front());
            under_way_.pop_front();
            block->on_done(store(*block));
            release(block->admitted_bytes);
        }
    }
    void abandon() {
        for (auto const& block : under_way_) {
            block->on_done({});
        }
        under_way_.clear();
    }

  private:
    ingest::block_outcome store(ingest::record_block const& block) {
        ingest::block_outcome outcome{.durable = true};
        EXPECT_LE(block.stream_begin, position); // no gap
        for (std::size_t i = 0; i < block.batch.cdrs.size(); ++i) {
            std::string const word{block.batch.cdrs[i].caller_id};
            bool const is_new =
                block.stream_begin + block.batch.cdr_index[i] >= position && !stored.contains(word);
            if (is_new) {
                stored.insert(word);
            }
            ++(is_new ? outcome.committed : outcome.duplicate);
        }
        for (auto const& bad : block.batch.rejected) {
            if (block.suspend_rejected || bad.suspended) {
                suspended.emplace(bad.raw);
                ++outcome.suspended;
            }
        }
        position = std::max(position, block.stream_end);
        return outcome;
    }
    std::deque<std::unique_ptr<ingest::record_block>> under_way_;
};

struct outcome_of_run {
    import_result result;
    std::vector<std::string> rejects; ///< "record:line:offset:raw"
};

import_task task_for(bool suspend_rejected = true, std::uint64_t resume_from = 0) {
    return {.source = std::make_shared<ingest::source>(),
            .in_format = &words,
            .resume_from = resume_from,
            .kept = nullptr,
            .decide = {},
            .suspend_rejected = suspend_rejected,
            .stop_limit = std::chrono::milliseconds{200}};
}

outcome_of_run run(std::string text, word_store& store, import_task task,
                   std::size_t piece_bytes = 10, std::function<stop_request()> stop = {},
                   ingest::file_failure end = ingest::file_failure::none) {
    auto const rest = std::make_shared<std::string>(std::move(text));
    ingest::file_reader reader{
        {[rest](std::span<char> output) {
             auto const size = rest->copy(output.data(), std::min<std::size_t>(output.size(), 5));
             rest->erase(0, size);
             return size;
         },
         [end] {
             return ingest::file_error{end, ""};
         }},
        {.record_bytes_max = 30, .piece_bytes = piece_bytes, .chunk_bytes = 8}};
    outcome_of_run out;
    import_hooks hooks;
    hooks.on_reject = [&out](import_reject const& bad) {
        out.rejects.push_back(std::to_string(bad.record) + ":" + std::to_string(bad.line) + ":" +
                              std::to_string(bad.offset) + ":" + std::string{bad.item.raw});
    };
    hooks.on_progress = [&store](import_counts const& counts, bool waiting) {
        EXPECT_EQ(counts.received,
                  counts.resumed + counts.accepted + counts.rejected + counts.skipped);
        if (waiting) {
            store.finish(1);
        }
    };
    hooks.stop = std::move(stop);
    out.result = import_job{std::move(task), store, std::move(hooks)}.run(reader);
    return out;
}

std::string const nine_lines = "one\ntwo\n\nbad day\nthree\nskip me\none\nbad hour\nfour\nfive\n";

void expect_adds_up(import_counts const& counts) {
    EXPECT_EQ(counts.received, counts.resumed + counts.accepted + counts.rejected + counts.skipped);
    EXPECT_EQ(counts.accepted, counts.committed + counts.duplicate + counts.suspended);
}

TEST(import_job, stores_every_record_once_and_counts_what_became_of_it) {
    word_store store;
    auto const out = run(nine_lines, store, task_for());
    EXPECT_EQ(out.result.end, import_end::done);
    EXPECT_EQ(out.result.counts, (import_counts{.received = 9,
                                                .skipped = 1,
                                                .accepted = 8,
                                                .committed = 5,
                                                .duplicate = 1,
                                                .suspended = 2}));
    expect_adds_up(out.result.counts);
    EXPECT_EQ(store.stored, (std::multiset<std::string>{"five", "four", "one", "three", "two"}));
    EXPECT_EQ(store.suspended, (std::multiset<std::string>{"bad day", "bad hour"}));
    EXPECT_EQ(store.position, 9u);
    EXPECT_GT(store.blocks_pushed, 3u);
}

TEST(import_job, what_waits_in_suspense_is_taken_with_and_without_a_rejects_file) {
    for (bool const suspends_all : {false, true}) {
        word_store store;
        auto const out = run("later\nbad day\none\n", store, task_for(suspends_all));
        expect_adds_up(out.result.counts);
        EXPECT_EQ(out.result.counts.suspended, suspends_all ? 2u : 1u);
        EXPECT_EQ(out.result.counts.rejected, suspends_all ? 0u : 1u);
        EXPECT_EQ(out.rejects, (std::vector<std::string>{"1:2:6:bad day"}));
        EXPECT_TRUE(store.suspended.contains("later"));
    }
}

TEST(import_job, keeps_rejected_records_for_the_rejects_file) {
    for (std::size_t piece_bytes = 1; piece_bytes < 60; ++piece_bytes) {
        word_store store;
        auto const out = run(nine_lines, store, task_for(false), piece_bytes);
        EXPECT_EQ(out.result.counts, (import_counts{.received = 9,
                                                    .skipped = 1,
                                                    .rejected = 2,
                                                    .accepted = 6,
                                                    .committed = 5,
                                                    .duplicate = 1}));
        EXPECT_TRUE(store.suspended.empty());
        EXPECT_EQ(out.rejects, (std::vector<std::string>{"2:4:9:bad day", "6:8:35:bad hour"}));
    }
}

TEST(import_job, waits_for_credit_and_bounds_what_is_under_way) {
    std::string text;
    for (int i = 0; i < 200; ++i) {
        text += "call " + std::to_string(i) + "\n";
    }
    word_store store;
    store.credit = 10'000;
    store.blocks_held = 1000; // more than the credit allows
    auto const out = run(text, store, task_for(), 40);
    EXPECT_EQ(out.result.end, import_end::done);
    EXPECT_EQ(out.result.counts.committed, 200u);
    EXPECT_EQ(store.stored.size(), 200u);
    EXPECT_EQ(store.credit, 10'000u); // all of it is given back
    EXPECT_GT(store.under_way_most, 2u);
    EXPECT_LT(store.under_way_most, 15u);
}

TEST(import_job, rejects_records_that_no_decoder_sees_or_none_can_take_apart) {
    word_store store;
    auto const out =
        run("one\n" + std::string(100, 'x') + "\ntwo\npoison\nthree\n", store, task_for(false), 1);
    EXPECT_EQ(out.result.end, import_end::done);
    EXPECT_EQ(out.result.counts.received, 5u);
    EXPECT_EQ(out.result.counts.rejected, 2u);
    EXPECT_EQ(out.result.counts.committed, 3u);
    ASSERT_EQ(out.rejects.size(), 2u);
    EXPECT_TRUE(out.rejects[0].starts_with("1:2:4:xxx")) << out.rejects[0];
    EXPECT_EQ(out.rejects[1], "3:4:109:poison");
}

TEST(import_job, delivers_what_a_torn_file_holds_and_says_so) {
    word_store store;
    auto const out =
        run("one\ntwo\nthr", store, task_for(), 10, {}, ingest::file_failure::truncated);
    EXPECT_EQ(out.result.end, import_end::file_failed);
    EXPECT_EQ(out.result.error.reason, ingest::file_failure::truncated);
    EXPECT_EQ(store.stored, (std::multiset<std::string>{"one", "two"}));
    expect_adds_up(out.result.counts);
}

TEST(import_job, stops_on_request_and_goes_on_from_the_position) {
    word_store store;
    int asked = 0;
    auto const stopped = run(nine_lines, store, task_for(), 10, [&asked] {
        return ++asked > 2 ? stop_request::gently : stop_request::none;
    });
    EXPECT_EQ(stopped.result.end, import_end::stopped);
    expect_adds_up(stopped.result.counts);
    EXPECT_EQ(stopped.rejects.size(), stopped.result.counts.suspended);
    EXPECT_GT(store.position, 0u);
    EXPECT_LT(store.position, 9u);

    auto const before = store.position;
    auto const second = run(nine_lines, store, task_for(true, before));
    EXPECT_EQ(second.result.end, import_end::done);
    EXPECT_EQ(second.result.counts.resumed, before - (before > 4 ? 1 : 0)); // one was skipped
    EXPECT_EQ(second.result.counts.received, 9u);
    expect_adds_up(second.result.counts);
    EXPECT_EQ(store.stored.size(), 5u);
    EXPECT_EQ(store.suspended, (std::multiset<std::string>{"bad day", "bad hour"}));
}

TEST(import_job, drops_what_is_stored_of_a_piece_that_was_cut_elsewhere) {
    std::string const lines = "bad day\none\ntwo\nskip\nthree\n";
    for (std::uint64_t position = 0; position <= 5; ++position) {
        word_store store;
        auto const out = run(lines, store, task_for(true, position), 1000);
        expect_adds_up(out.result.counts);
        EXPECT_EQ(out.result.counts.resumed, position - (position > 3 ? 1 : 0)); // one is skipped
        EXPECT_EQ(store.suspended.contains("bad day"), position < 1) << position;
        EXPECT_EQ(store.stored.contains("one"), position < 2) << position;
        EXPECT_EQ(store.stored.contains("two"), position < 3) << position;
        EXPECT_EQ(store.stored.contains("three"), position < 5) << position;
    }
}

TEST(import_job, does_not_wait_for_a_database_that_is_gone_once_asked_to_stop) {
    word_store store;
    store.is_stuck = true;
    auto const out = run(nine_lines, store, task_for(), 10, [&store] {
        return store.blocks_pushed < 2 ? stop_request::none : stop_request::gently;
    });
    EXPECT_EQ(out.result.end, import_end::stopped);
    EXPECT_TRUE(store.stored.empty());
    store.abandon(); // the blocks outlive the job
}

TEST(import_job, gives_up_when_the_sink_closes) {
    word_store store;
    store.close_after = 2;
    auto const out = run(nine_lines, store, task_for());
    EXPECT_EQ(out.result.end, import_end::given_up);
    EXPECT_LT(out.result.counts.received, 9u);
    expect_adds_up(out.result.counts);
}

TEST(import_job, reads_an_empty_file) {
    word_store store;
    auto const out = run("", store, task_for());
    EXPECT_EQ(out.result.end, import_end::done);
    EXPECT_EQ(out.result.counts, import_counts{});
    EXPECT_EQ(store.blocks_pushed, 0u);
}

RC_GTEST_PROP(import_job, gives_the_same_wherever_it_is_cut_short, ()) {
    auto const lines = *rc::gen::container<std::vector<std::string>>(
        rc::gen::element<std::string>("one", "two", "three", "", "bad", "skip", "bad two"));
    std::string text;
    for (auto const& line : lines) {
        text += line + "\n";
    }
    word_store whole;
    run(text, whole, task_for());
    word_store cut;
    for (int i = 0; i < 3; ++i) {
        int left = *rc::gen::inRange(0, 8);
        cut.blocks_held = *rc::gen::inRange<std::size_t>(0, 4);
        auto const piece = *rc::gen::inRange<std::size_t>(1, 30);
        auto const part = run(text, cut, task_for(true, cut.position), piece, [&left] {
            return left-- > 0 ? stop_request::none : stop_request::at_once;
        });
        cut.abandon(); // killed: the blocks under way are lost
        RC_ASSERT(part.result.end != import_end::file_failed);
    }
    auto const last = run(text, cut, task_for(true, cut.position));
    RC_ASSERT(last.result.end == import_end::done);
    RC_ASSERT(cut.stored == whole.stored);
    RC_ASSERT(cut.position == whole.position);
}

} // namespace
} // namespace tally::daemon
