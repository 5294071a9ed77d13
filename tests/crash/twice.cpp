#include "tests/crash/twice.hpp"

#include "tests/crash/repeatable_random.hpp"
#include "tests/crash/verification.hpp"
#include "tests/support/billing_fixture.hpp"

#include <cstdio>
#include <filesystem>
#include <utility>

namespace tally::crash {

namespace {

/// All values that must not depend on order, daemons or repetition.
constexpr char const* totals_sql = R"(
    SELECT 'usage', a.account_number, u.billing_period_start, u.calls_count, u.seconds_used,
        u.included_seconds_used, u.total_cost FROM billing.subscription_usage u
        JOIN billing.accounts a ON a.id = u.account_id
    UNION ALL SELECT 'balance', account_number, NULL, NULL, NULL, NULL, balance
        FROM billing.accounts
    UNION ALL SELECT 'day', a.account_number, d.day, d.events, d.quantity::bigint,
        d.billable_quantity::bigint, NULL FROM analytics.usage_aggregates_daily d
        JOIN billing.accounts a ON a.id = d.account_id
    UNION ALL SELECT 'calls', NULL, NULL, count(*), NULL, NULL, sum(cost) FROM billing.cdrs
    UNION ALL SELECT 'suspense', NULL, NULL, count(*), NULL, NULL, NULL FROM ingest.suspense
    ORDER BY 1, 2, 3)";

std::vector<std::uint64_t> numbered(std::uint64_t count) {
    std::vector<std::uint64_t> indices;
    for (std::uint64_t index = 0; index < count; ++index) {
        indices.push_back(index);
    }
    return indices;
}

/// Each push twice, in random order.
std::vector<std::uint64_t> shuffled_twice(std::uint64_t count, std::uint64_t seed) {
    auto indices = numbered(count);
    auto const again = indices;
    indices.insert(indices.end(), again.begin(), again.end());
    repeatable_random random{seed};
    for (auto i = indices.size(); i > 1; --i) {
        std::swap(indices[i - 1], indices[random.below(i)]);
    }
    return indices;
}

/// The totals after sending these pushes through so many daemons.
std::vector<std::string> totals_of(std::vector<std::uint64_t> const& indices, std::size_t daemons,
                                   twice_options const& settings, bed_options options,
                                   std::vector<std::string>& findings) {
    options.folder /= "over-" + std::to_string(daemons);
    std::filesystem::create_directory(options.folder);
    test_bed bed{options};
    load pushes{settings.seed, 0};
    for (std::size_t daemon = 0; daemon < daemons; ++daemon) {
        bed.start(daemon, {.lanes = static_cast<unsigned>(2 + daemon)}, pushes);
        (void)bed.daemon(daemon).wait_ready();
    }
    pushes.send_each(indices, 4);
    for (std::size_t daemon = 0; daemon < daemons; ++daemon) {
        if (bed.stop(daemon, pushes) != 0 || bed.segments(daemon) != 0) {
            findings.emplace_back("a daemon did not finish");
        }
    }
    verification check{bed.database(), settings.seed};
    for (auto const& found : check.check(pushes)) {
        findings.push_back(found);
    }
    return tests::query_rows(bed.database(), totals_sql);
}

} // namespace

bool run_twice(twice_options const& settings, bed_options const& options) {
    std::vector<std::string> findings;
    auto const once = totals_of(numbered(settings.pushes), 1, settings, options, findings);
    auto const twice =
        totals_of(shuffled_twice(settings.pushes, settings.seed), 2, settings, options, findings);
    for (std::size_t i = 0; i < std::max(once.size(), twice.size()); ++i) {
        auto const& left = i < once.size() ? once[i] : "nothing";
        auto const& right = i < twice.size() ? twice[i] : "nothing";
        if (left != right) {
            findings.push_back("once: " + left + ", twice: " + right);
        }
    }
    for (auto const& finding : findings) {
        std::printf("  WRONG: %s\n", finding.c_str());
    }
    std::printf("%zu totals of %llu pushes, once over one daemon and twice over two: %s\n",
                once.size(), static_cast<unsigned long long>(settings.pushes),
                findings.empty() ? "the same" : "not the same");
    return findings.empty();
}

} // namespace tally::crash
