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

/// Whose calls are rated again, and when they began.
struct rerate_selection {
    enum class by : std::uint8_t { subscription, account, plan };

    by what = by::subscription;
    std::string name; ///< number or id; a plan's code
    std::string
        from;       ///< date (local midnight of the plan's zone) or RFC 3339; empty: from the first
    std::string to; ///< exclusive; empty: to the last

    friend bool operator==(rerate_selection const&, rerate_selection const&) = default;
};

/// One spelling for one selection: JSON, by which an interrupted run is found again.
std::string canonical_text(rerate_selection const& what);

/// A subscription's billing period with calls, and which of them were asked for.
struct rerate_period {
    ingest::uuid subscription_id;
    ingest::uuid account_id;
    ingest::time_us start = 0;
    ingest::time_us end = 0;
    std::int64_t calls = 0;    ///< about as many
    ingest::time_us lower = 0; ///< calls asked for began in [lower, upper)
    ingest::time_us upper = 0;

    [[nodiscard]] usage_key key() const noexcept { return {subscription_id, start}; }
};

/// A stored call, as far as rating it again needs it. Owns its text.
struct rerate_call {
    std::uint32_t period = 0; ///< place among the periods asked for
    call_key key;
    std::string destination;
    ingest::call_direction direction = ingest::call_direction::outbound;
    ingest::time_us answer = ingest::never_us;
    std::int64_t duration_s = 0;
    std::int64_t billsec_s = 0;
    std::int64_t billable_s = 0;
    currency_code currency{};
    stored_rating rated;

    /// What orders the calls of a period.
    [[nodiscard]] ingest::time_us moment() const noexcept {
        return answer == ingest::never_us ? key.start : answer;
    }
};

/// How far a run has come: periods go by start, then subscription; calls of one by moment, start
/// and id. All before and at it is done.
struct rerate_position {
    ingest::time_us period_start = ingest::never_us; ///< never: nothing is done
    ingest::uuid subscription_id;
    ingest::time_us moment = ingest::never_us; ///< never: the whole period is done
    ingest::time_us start = ingest::never_us;
    ingest::uuid call_id;

    friend bool operator==(rerate_position const&, rerate_position const&) = default;
};

/// Streams periods and their calls in order, over cursors: memory does not grow with them. Calls
/// are those of the moment at which read_calls() began. One thread; a lost connection ends it.
class rerate_reader {
  public:
    explicit rerate_reader(std::string connection_string);

    /// To be called first.
    result open();
    /// Whether there is a subscription, account or plan of that name.
    result exists(rerate_selection const& what, bool& found);
    /// False in `free` when another run of this selection is at it. Held until the reader goes.
    result lock(std::string_view selection, bool& free);
    /// Begins with the period of `from` unless it is done, else behind it. `calls`: about so many.
    result begin(rerate_selection const& what, rerate_position const& from, std::int64_t& calls);
    /// The next periods, of about so many calls together; none at the end.
    result next_periods(std::int64_t calls_max, std::vector<rerate_period>& out);

    /// What is known of a period at the moment at which its calls are read.
    struct period_before {
        std::int64_t allowance_s = 0; ///< drawn by those to come that may be rated again
        std::int64_t corrections = 0; ///< of its usage row
    };
    /// Begins to read the calls of `periods`, in order; of the first only those behind `from`.
    result read_calls(std::span<rerate_period const> periods, rerate_position const& from,
                      std::vector<period_before>& before);
    /// The next ones, at most so many; none at the end.
    result next_calls(std::int64_t most, std::vector<rerate_call>& out);
    result end_calls();

  private:
    result read_periods_ahead();
    result read_before(std::string const& calls, std::vector<period_before>& before);
    void fill_keys(std::span<rerate_period const> periods, rerate_position const& from);

    pq_connection connection_;
    std::optional<pq_connection::pin> one_session_; ///< cursors and the lock are the session's
    std::vector<rerate_period> periods_;            ///< read ahead
    std::size_t periods_given_ = 0;                 ///< of them
    array_parameter subscription_{wire::uuid_oid}, account_{wire::uuid_oid},
        start_{wire::timestamptz_oid}, end_{wire::timestamptz_oid};
    parameters values_;
};

} // namespace tally::storage
