#include "tests/storage/lane_fixture.hpp"

// Records that a lane puts aside: each waits, whatever its sender, its text or the past of its row.

namespace tally::storage {
namespace {

class lane_suspense_test : public lane_writer_test {
  protected:
    /// Pushes a call of nobody's account, received at `received`.
    void push(lane& on, ingest::time_us received, bool may_be_stored = false) {
        std::vector<ingest::cdr> const calls{make_.call(1, 9, "4420", 60)};
        auto entries = entries_of(calls);
        entries[0].received = received;
        entries[0].may_be_stored = may_be_stored;
        EXPECT_TRUE(on.lane_writer.store(entries, {}, {}, 1));
        EXPECT_EQ(entries[0].state, entry_state::suspended);
    }
    void close_all(std::string const& state) const {
        execute(connection_, "UPDATE suspense SET state = '" + state +
                                 "', resolved_at = now(), resolved_by = 'ann', resolution = 'x',"
                                 " attempts = 4, auto_attempts = 3, next_attempt_at = NULL,"
                                 " tried_catalog_at = now()");
    }
    /// State, reason, attempts and age of the only row.
    std::string row() const {
        return one("SELECT concat_ws(' ', state, reason, attempts, auto_attempts, received_at,"
                   " resolved_at, resolved_by, resolution, tried_catalog_at) FROM suspense");
    }

    static constexpr ingest::time_us first = call_maker::base;
    static constexpr ingest::time_us second = call_maker::base + 3'600 * ingest::us_per_s;
};

TEST_F(lane_suspense_test, a_record_waits_from_when_it_was_received) {
    lane a{connection_};
    push(a, first);
    EXPECT_EQ(one("SELECT received_at FROM suspense"), "2026-05-04 10:00:00+00");
}

} // namespace
} // namespace tally::storage
