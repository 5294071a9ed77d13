#include "ingest/formats/formats.hpp"
#include "tests/ingest/formats/decoder_helpers.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <new>

// Counts this program's allocations, to prove that decoders make none once their buffers have
// grown to the size of the input.

namespace {

thread_local std::size_t allocations = 0;

void* counted(std::size_t size) {
    ++allocations;
    if (void* const memory = std::malloc(size == 0 ? 1 : size)) {
        return memory;
    }
    throw std::bad_alloc();
}

} // namespace

// Inlined, GCC pairs malloc and free with the operators around them under a sanitizer, and warns.
[[gnu::noinline]] void* operator new(std::size_t size) {
    return counted(size);
}
[[gnu::noinline]] void* operator new[](std::size_t size) {
    return counted(size);
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
    std::free(memory);
}
[[gnu::noinline]] void operator delete[](void* memory) noexcept {
    std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept {
    std::free(memory);
}
[[gnu::noinline]] void operator delete[](void* memory, std::size_t) noexcept {
    std::free(memory);
}

namespace tally::tests {
namespace {

using namespace ingest;

/// Allocations while `body` is decoded into a batch that has contained it before.
std::size_t allocations_of(std::string_view format, std::string_view body) {
    record_batch batch;
    source const source;
    batch.set_body(std::string(body));
    std::size_t made = 0;
    for (int round = 0; round < 3; ++round) {
        batch.text.clear();
        batch.cdrs.clear();
        batch.cdr_index.clear();
        batch.events.clear();
        batch.event_index.clear();
        batch.rejected.clear();
        std::size_t const before = allocations;
        find_format(format)->decode({source, {}, {}}, batch);
        made = allocations - before;
    }
    EXPECT_GT(batch.cdrs.size() + batch.events.size(), 0u);
    return made;
}

TEST(decoders, counting_counts) {
    std::size_t const before = allocations;
    delete new int(7);
    EXPECT_EQ(allocations - before, 1u);
}

TEST(decoders, allocate_nothing_per_canonical_record) {
    std::string lines;
    std::string array = "[";
    for (int number = 0; number < 1000; ++number) {
        auto const record = canonical({{"uuid", "\"call-" + std::to_string(number) + "\""},
                                       {"metadata", R"({"note":"a\u0000b"})"},
                                       {"caller_id", R"("\u00e4 1")"}});
        lines += record + "\n" + (number % 10 == 0 ? "{\"bad\"\n" : "");
        array += (number == 0 ? "" : ",") + record;
    }
    EXPECT_EQ(allocations_of("canonical", lines), 0u);
    EXPECT_EQ(allocations_of("canonical", array + "]"), 0u);
}

TEST(decoders, allocate_nothing_per_freeswitch_record) {
    std::string lines;
    for (int number = 0; number < 100; ++number) {
        lines += R"({"variables":{"uuid":"c)" + std::to_string(number) +
                 R"(","start_stamp":"2026-03-01%2010%3A00%3A00","end_stamp":"2026-03-01 10:01:00",)"
                 R"("duration":"60","billsec":"0","sip_to_user":"9%209","accountcode":"\u00e4"}})"
                 "\n";
    }
    EXPECT_EQ(allocations_of("freeswitch", lines), 0u);
    auto const one = lines.substr(0, lines.find('\n'));
    EXPECT_EQ(allocations_of("freeswitch", "cdr=" + to_percent(one)), 0u);
    EXPECT_EQ(allocations_of("freeswitch", to_base64(one)), 0u);
}

TEST(decoders, allocate_nothing_per_event) {
    std::string lines;
    for (int number = 0; number < 300; ++number) {
        auto const name = "\"event-" + std::to_string(number) + "\"";
        lines += cloudevent("usage", R"({"metric":"sms","quantity":"0.5","note":"\u00e4"})",
                            {{"id", name}}) +
                 "\n" +
                 cloudevent("app.error", R"({"message":"out of\ncheese","service":"web"})",
                            {{"id", name}, {"source", "\"/b\""}}) +
                 "\n" +
                 cloudevent("license.sms.sent", R"({"license_key":"L-1","quantity":3})",
                            {{"id", name}, {"source", "\"/c\""}}) +
                 "\n";
    }
    EXPECT_EQ(allocations_of("cloudevents", lines), 0u);
}

TEST(decoders, allocate_nothing_per_asterisk_row) {
    std::string rows;
    for (int number = 0; number < 1000; ++number) {
        rows +=
            R"("acct","1001","+4420","ctx","""Jo"" <1001>","a","b","Dial","x",)"
            R"("2026-07-01 09:59:50",,"2026-07-01 10:02:10",140,0,"NO ANSWER","DOCUMENTATION",)" +
            std::string(R"("1772359190.)") + std::to_string(number) + "\"\n";
    }
    EXPECT_EQ(allocations_of("asterisk", rows), 0u);
}

} // namespace
} // namespace tally::tests
