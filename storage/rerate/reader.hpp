#pragma once

#include "storage/batch/batch_writer.hpp"
#include "storage/postgres/pq_connection.hpp"
#include "storage/rerate/stored_rating.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace tally::storage {

/// Which calls are rated again: those of a subscription, an account or a plan, with a start in
/// [from, to).
struct rerate_selection {
    enum class scope : std::uint8_t { subscription, account, plan };

    scope kind = scope::subscription;
    std::string name; ///< number or id; a plan's code
    /// A date (midnight in the plan's time zone) or RFC 3339; empty: from the first call.
    std::string begin;
    std::string end; ///< the same, exclusive; empty: to the last call

    friend bool operator==(rerate_selection const&, rerate_selection const&) = default;
};

/// JSON with one spelling per selection, by which an interrupted run is found.
std::string canonical_text(rerate_selection const& selection);

/// A subscription's billing period, and which of its calls are selected.
struct rerate_period {
    ingest::uuid subscription_id;
    ingest::uuid account_id;
    ingest::time_us start = 0;
    ingest::time_us end = 0;
    std::int64_t calls = 0;    ///< approximate number
    ingest::time_us lower = 0; ///< selected calls have a start in [lower, upper)
    ingest::time_us upper = 0;

    [[nodiscard]] usage_key key() const noexcept { return {subscription_id, start}; }
};

/// The stored columns of a call that rating it again needs. Owns its text.
struct rerate_call {
    std::uint32_t period = 0; ///< index in the periods given to read_calls()
    call_key key;
    std::string destination;
    ingest::call_direction direction = ingest::call_direction::outbound;
    ingest::time_us answer = ingest::never_us;
    std::int64_t duration_s = 0;
    std::int64_t billsec_s = 0;
    std::int64_t billable_s = 0;
    currency_code currency{};
    stored_rating rated;

    /// The time by which the calls of a period are ordered: the answer, or the start if there is
    /// none.
    [[nodiscard]] ingest::time_us moment() const noexcept {
        return answer == ingest::never_us ? key.start : answer;
    }
};

/// How far a run has come: everything up to and including this position is done. Periods are
/// ordered by start, then subscription; the calls of a period by moment, start and id.
struct rerate_position {
    ingest::time_us period_start = ingest::never_us; ///< never_us: nothing is done
    ingest::uuid subscription_id;
    ingest::time_us moment = ingest::never_us; ///< never_us: the whole period is done
    ingest::time_us start = ingest::never_us;
    ingest::uuid call_id;

    friend bool operator==(rerate_position const&, rerate_position const&) = default;
};

/// Reads periods and their calls in order, over cursors, so that memory does not grow with them.
/// Calls are as they were when read_calls() began. One thread; a lost connection ends it. All
/// functions throw database_error.
///
///     open, exists, lock, begin
///     next_periods                        until it returns none:
///         read_calls                          one snapshot for these periods
///         next_calls                          until it returns none
///         end_calls
class rerate_reader {
  public:
    explicit rerate_reader(std::string connection_string);

    /// To be called first.
    void open();
    /// Whether the subscription, account or plan of that name exists.
    bool exists(rerate_selection const& selection);
    /// Takes the selection's advisory lock until this object is destroyed; false if another run
    /// holds it.
    bool lock(std::string_view selection);
    /// Begins after `position`; with its period, if that is not completely done. Returns the
    /// approximate number of calls.
    std::int64_t begin(rerate_selection const& selection, rerate_position const& position);
    /// The next periods, which have about `calls_max` calls together; none at the end.
    std::vector<rerate_period> next_periods(std::int64_t calls_max);

    /// The state of a period when its calls are read.
    struct period_before {
        std::int64_t allowance_s = 0; ///< drawn by the calls to be read that may be rated again
        std::int64_t corrections = 0; ///< of its usage row
    };
    /// Begins to read the calls of `periods`, in order; of the first period only those after
    /// `position`. Returns a state for each period.
    std::vector<period_before> read_calls(std::span<rerate_period const> periods,
                                          rerate_position const& position);
    /// The next calls, at most `calls_max`; none at the end.
    void next_calls(std::int64_t calls_max, std::vector<rerate_call>& out);
    void end_calls();

  private:
    void read_periods_ahead();
    void read_before(std::string const& calls, std::vector<period_before>& before);
    void fill_keys(std::span<rerate_period const> periods, rerate_position const& position);

    pq_connection connection_;
    std::optional<pq_connection::pin> one_session_; ///< cursors and lock belong to the session
    std::vector<rerate_period> periods_;            ///< read ahead
    std::size_t periods_given_ = 0;                 ///< how many of them were returned
    array_parameter subscription_{wire::uuid_oid}, account_{wire::uuid_oid},
        start_{wire::timestamptz_oid}, end_{wire::timestamptz_oid};
    parameters values_;
};

} // namespace tally::storage
