#include "ingest/json/number_rules.hpp"
#include "rating/catalog/guide.hpp"
#include "rating/clock/calendar.hpp"
#include "rating/number/number_normalizer.hpp"
#include "rating/rater/metric_rater.hpp"
#include "rating/rater/rater.hpp"

#include "tests/rating/rater/builders.hpp"

#include <atomic>
#include <cstdlib>
#include <gtest/gtest.h>
#include <new>

// These operators count every allocation of this test program.
namespace {

std::atomic<std::size_t> allocations{0};

void* counted(std::size_t bytes, std::size_t alignment) {
    allocations.fetch_add(1, std::memory_order_relaxed);
    std::size_t const rounded = (bytes + alignment - 1) / alignment * alignment;
    void* const memory = alignment <= alignof(std::max_align_t)
                             ? std::malloc(bytes == 0 ? 1 : bytes)
                             : std::aligned_alloc(alignment, rounded);
    if (memory == nullptr) {
        throw std::bad_alloc();
    }
    return memory;
}

} // namespace

// The forms that the code under test uses; the array forms call them. They are not inlined, because
// GCC would then pair malloc and free with the operators around them, and warn.
[[gnu::noinline]] void* operator new(std::size_t bytes) {
    return counted(bytes, 1);
}
[[gnu::noinline]] void* operator new(std::size_t bytes, std::align_val_t alignment) {
    return counted(bytes, static_cast<std::size_t>(alignment));
}
[[gnu::noinline]] void* operator new(std::size_t bytes, std::nothrow_t const&) noexcept {
    try {
        return counted(bytes, 1);
    } catch (std::bad_alloc const&) {
        return nullptr;
    }
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
    std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::nothrow_t const&) noexcept {
    std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept {
    std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::align_val_t) noexcept {
    std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
    std::free(memory);
}

namespace tally::rating::tests {
namespace {

/// A plan without a rate for our calls; its fallback has bands and on-net rates for them.
std::shared_ptr<tariff const> banded_plan() {
    band holiday = band_of("holiday", 0, band::day_s, 20);
    holiday.dates = {date_of(2026, 3, 10), date_of(2026, 8, 15)};
    auto behind =
        content_of("Europe/London",
                   {band_of("peak", 8 * hour_s, 19 * hour_s, 10, monday_to_friday),
                    band_of("night", 22 * hour_s, 6 * hour_s, 5), holiday},
                   {by_second("44", "1", 0), by_second("44", "2", 1), by_second("44", "3", 2),
                    by_second("44", "4"), by_second("442", "5", 1)});
    behind.rates.back().is_on_net = true;
    behind.rates[1].allowance = true;
    auto plan = content_of("Asia/Kolkata", {band_of("never", 0, 1)}, {by_second("1", "1", 0)});
    plan.fallback = shared(std::move(behind));
    return shared(std::move(plan));
}

catalog_input one_of_each() {
    rate everywhere = rate_of("", {step(0, "1", 60, 60), step(60, "0.5", 7, 1)});
    everywhere.allowance = true;
    rate future = rate_of("4420", {step(0, "2", 60, 60)});
    future.effective_from = INT64_MAX; // so that the search needs prefix_index::all() as well
    catalog_input input;
    input.plans = {std::make_shared<tariff const>(plan_of({everywhere, future}))};
    input.accounts = {{{id_of(1)}, "an account number that no short string holds"}};
    subscription s;
    s.id = id_of(2);
    s.account = 0;
    s.plan = 0;
    input.subscriptions = {{s, "a subscription number that no short string holds"}};
    input.dids = {{"442071838750", 0}};
    return input;
}

TEST(no_allocation, the_counter_counts) {
    std::size_t const before = allocations.load();
    auto const memory = std::make_unique<std::array<char, 100>>();
    EXPECT_NE(memory, nullptr);
    EXPECT_GT(allocations.load(), before);
}

TEST(no_allocation, bands_fallbacks_and_on_net_rates_allocate_nothing) {
    auto const plan = banded_plan();
    std::array<std::int64_t, 3> const seconds{1, 3600, 7 * 24 * 3600 - 5};
    allowance left{0, 50'000};
    std::size_t rated = 0;

    std::size_t const before = allocations.load();
    for (std::int64_t hour = 0; hour < 24 * 365; hour += 7) {
        for (std::int64_t const s : seconds) {
            auto const call = call_at(noon + hour * hour_s * ingest::us_per_s, s);
            for (bool const on_net : {true, false}) {
                auto const result = rate_call(call, *plan, left, on_net);
                rated += result.error == ingest::record_error::none ? 1 : 0;
            }
        }
    }
    EXPECT_EQ(allocations.load(), before);
    EXPECT_GT(rated, 3'000U);
    EXPECT_EQ(left.used_s, left.included_s);
}

TEST(no_allocation, guiding_finding_rating_and_dates_allocate_nothing) {
    catalog const known(one_of_each());
    calendar days("America/New_York");
    std::string const id = ingest::to_string(id_of(2));
    std::array<ingest::cdr, 4> calls{call_of(90), call_of(90), call_of(90), call_of(0)};
    calls[0].subscription_number = "a subscription number that no short string holds";
    calls[1].subscription_number = id;
    calls[2].account_number = "an account number that no short string holds";
    calls[3].caller_id = "sip:+44 20 7183 8750@a.host.with.a.long.name.example";
    allowance left{0, 600};
    bool good = true;
    std::int64_t dates = 0;

    std::size_t const before = allocations.load();
    for (int i = 0; i < 1000; ++i) {
        for (ingest::cdr const& call : calls) {
            auto const call_owner = guide(call, known);
            good = good && call_owner.error == ingest::record_error::none;
            auto const rated = rate_call(call, known.plan_at(0), left);
            good =
                good && rated.error == ingest::record_error::none && rated.charged_rate != nullptr;
            auto const moment = call.start + i * 86'400 * ingest::us_per_s;
            dates += days.day_of(moment) + days.monthly(call.start, moment).end;
        }
    }
    std::size_t const after = allocations.load();

    EXPECT_EQ(after, before);
    EXPECT_TRUE(good);
    EXPECT_NE(dates, 0);
}

TEST(no_allocation, rating_usage_and_finding_its_price_allocate_nothing) {
    metric_price price;
    price.name = "a metric's name that no short string holds";
    price.model = price_model::graduated;
    price.tiers = {{quantity{nanos_per_quantity}, money("1"), {}}, {{}, money("0.5"), money("2")}};
    tariff::content content{};
    content.metrics = {price};
    tariff const plan{std::move(content)};
    metric_usage used;
    bool good = true;

    std::size_t const before = allocations.load();
    for (int i = 0; i < 1000; ++i) {
        auto const* const found =
            plan.find_metric("a metric's name that no short string holds", noon);
        auto const rated =
            rate_usage(*found, plan.head().rounding_mode, used, {quantity{nanos_per_quantity}});
        good = good && rated.error == ingest::record_error::none &&
               parse_quantity("12.5").has_value() && parse_amount("0.25").has_value();
        used = rated.after;
    }
    std::size_t const after = allocations.load();

    EXPECT_EQ(after, before);
    EXPECT_TRUE(good);
    EXPECT_EQ(to_string(used.total), "1000");
}

TEST(no_allocation, number_rules_use_the_batchs_own_memory) {
    auto const rules =
        ingest::read_number_rules(R"({"international_prefixes":["00"],"national_prefix":"0",
            "country_code":"91","rewrites":[{"prefix":"*31#","replacement":"+44"}]})")
            .rules;
    std::array<ingest::cdr, 3> calls{call_of(90), call_of(90), call_of(90)};
    calls[0].destination = "00442071838750";
    calls[1].destination = "09812345678";
    calls[2].destination = "*31#2071838750";
    ingest::record_batch batch;
    std::size_t before = 0;
    for (int i = 0; i < 1000; ++i) {
        batch.clear();
        batch.cdrs.assign(calls.begin(), calls.end());
        // The memory of the batch grows the first time, as it does when records are decoded.
        before = i == 1 ? allocations.load() : before;
        apply_number_rules(batch, rules);
    }
    EXPECT_EQ(allocations.load(), before);
    EXPECT_EQ(batch.cdrs[0].destination, "442071838750");
    EXPECT_EQ(batch.cdrs[1].destination, "919812345678");
    EXPECT_EQ(batch.cdrs[2].destination, "442071838750");
}

} // namespace
} // namespace tally::rating::tests
