#include "daemon/suspense/retrier.hpp"

#include "ingest/formats/formats.hpp"
#include "storage/batch/event_tables.hpp"
#include "storage/lane/guided_records.hpp"
#include "storage/lane/isolation.hpp"
#include "storage/postgres/command_error.hpp"
#include "storage/postgres/database_error.hpp"

#include <algorithm>
#include <deque>
#include <iterator>
#include <thread>

namespace tally::daemon {

using ingest::record_error;
using storage::batch_entry;
using storage::entry_state;

namespace {

/// Reports stored batches only: the outcome of each record is in its entry.
class stored_observer final : public storage::lane_observer {
  public:
    explicit stored_observer(std::function<void(storage::batch const&)> notified)
        : notified_{std::move(notified)} {}
    void stored(storage::stored_batch const& stored) override {
        if (notified_) {
            notified_(stored.rows);
        }
    }
    void retried(std::string_view /*reason*/, storage::result const& /*why*/) override {}

  private:
    std::function<void(storage::batch const&)> notified_;
};

std::shared_ptr<ingest::source const> source_of(ingest::source_table const& sources,
                                                ingest::uuid const& id) {
    // A copy, since a block shares the ownership of its source.
    for (auto const& each : sources.all()) {
        if (each.id == id) {
            return std::make_shared<ingest::source const>(each);
        }
    }
    return nullptr;
}

} // namespace

/// A suspended payload and its records. Owns the memory that the entries point to.
struct suspense_retry::decoded {
    ingest::uuid id;
    ingest::record_block block;
    std::vector<batch_entry> entries; ///< the last one resolves the row; empty: cannot be rated
    std::string reason;               ///< why it waits; a code of record_error
    std::string_view detail;
    std::string refusal; ///< of its effect; `detail` may view it

    void fail(record_error cause, std::string_view text) {
        entries.clear();
        reason = ingest::code(cause);
        detail = text.empty() ? ingest::explain(cause) : text;
    }
};

suspense_retry::suspense_retry(retry_options options)
    : options_{std::move(options)}, reader_{options_.connection_string,
                                            options_.purpose,
                                            {},
                                            storage::effect_limits()},
      writer_{options_.connection_string, options_.purpose, options_.partitions},
      observer_{std::make_unique<stored_observer>(options_.on_stored)},
      lane_{writer_,
            {.lane = 0, .daemon_id = ingest::uuid_v7()},
            *observer_,
            [this](std::chrono::milliseconds time) { return pause(time); }} {}

suspense_retry::~suspense_retry() = default;

bool suspense_retry::pause(std::chrono::milliseconds time) const {
    constexpr std::chrono::milliseconds slice{50}; // how soon a stop request is noticed
    auto const end = std::chrono::steady_clock::now() + time;
    while (!is_stopping() && std::chrono::steady_clock::now() < end) {
        std::this_thread::sleep_for(std::min(time, slice));
    }
    return !is_stopping();
}

void suspense_retry::cancel() noexcept {
    reader_.cancel();

    // Reading and storing have a connection each, and either may be waiting.
    writer_.cancel();
}

retry_counts suspense_retry::run(storage::suspense_filter filter) {
    // Counted for the progress only: rows may be resolved or added while this runs.
    filter.state = "waiting";
    auto const waiting = check(storage::count_suspense(reader_, filter));

    // Pages follow each other by id, so a record that stays suspended is not met twice.
    std::vector<storage::suspense_record> records;
    ingest::uuid after;
    do {
        // Between two pages: a page that was begun is finished, so its outcomes are recorded.
        if (is_stopping()) {
            break;
        }
        check(storage::next_suspense(reader_, filter, after, records));
        if (!records.empty()) {
            retry(records);
            after = records.back().id;
        }

        if (options_.on_progress) {
            options_.on_progress(counts_, waiting);
        }
    } while (!records.empty());
    return counts_;
}

void suspense_retry::retry(std::vector<storage::suspense_record> const& records) {
    // All are decoded before any is stored, because entries of a page share one batch.
    std::vector<decoded> memory(records.size());
    for (std::size_t i = 0; i < records.size(); ++i) {
        decode(records[i], memory[i]);
    }

    // A dry run ends before anything is written, and says what a retry would do.
    options_.is_dry_run ? rate_only(memory) : store(memory);
    count(memory);
}

/// Decodes the payload with the decoder of its format and the present settings of its source.
void suspense_retry::decode(storage::suspense_record const& record, decoded& out) const {
    // The reason it waits for now stays, unless this attempt finds another one.
    out.id = record.id;
    out.reason = record.reason;
    auto& block = out.block;
    block.sender = source_of(*options_.sources, record.source_id);
    block.in_format = ingest::find_format(record.format);
    block.received = record.received_at;
    auto& batch = block.batch;
    batch.set_body(record.payload);

    // An unknown format was written by a later tallyd; a source may have been deleted meanwhile.
    if (block.in_format == nullptr || block.sender == nullptr) {
        out.detail = block.in_format == nullptr
                         ? "this tallyd does not know the format"
                         : "its source is deleted; create one with the same id";
        return;
    }

    // A payload waits as a whole, so one record that cannot be read keeps all of it waiting.
    block.in_format->decode({*block.sender, {}, {}, record.received_at}, batch);
    if (batch.body_error != record_error::none) {
        out.fail(batch.body_error, batch.body_detail);
        return;
    }
    if (!batch.rejected.empty()) {
        out.fail(batch.rejected.front().error, batch.rejected.front().detail);
        return;
    }

    // Its last entry resolves the row, in the transaction that stores it (R16).
    guide(out);
    if (!out.entries.empty()) {
        out.entries.back().suspense_id = record.id;
    }
}

/// Guides by the present catalog: all records of the payload, or none when one of them has no
/// payer.
void suspense_retry::guide(decoded& out) const {
    auto& batch = out.block.batch;
    storage::guided_records const records{out.block, *options_.catalog};

    // One entry per record. A payload of one record is kept as it waits, so that it stays the same.
    for (std::uint32_t index = 0; index < records.size(); ++index) {
        out.entries.push_back(records.entry(index));
    }
    if (out.entries.size() == 1) {
        out.entries.front().raw = batch.body; // as it waits, with bytes around the record
    }

    // All or none: a payload that is stored in part could not be resolved as a whole.
    auto const unratable =
        std::find_if(out.entries.begin(), out.entries.end(),
                     [](auto const& each) { return each.state == entry_state::suspended; });
    if (unratable != out.entries.end()) {
        out.fail(unratable->reason, {});
    } else if (out.entries.empty() &&
               batch.skipped > 0) { // its source now skips such records: resolve it as a duplicate
        batch_entry skipped;
        skipped.catalog = options_.catalog.get();
        skipped.source = out.block.sender.get();
        skipped.format = out.block.in_format->name;
        skipped.raw = batch.body;
        skipped.received = out.block.received;
        skipped.state = entry_state::duplicate;
        out.entries.push_back(skipped);
    }
}

void suspense_retry::rate_only(std::vector<decoded>& records) {
    for (auto& record : records) {
        rows_.begin(record.entries);
        check(rows_.load(writer_));

        storage::batch rated;
        rows_.rate(rated);
        rows_.written(); // the next record is rated on what this one left of the allowance
    }
}

void suspense_retry::store(std::vector<decoded>& records) {
    // Only records that can be rated go to the lane: it would suspend the others once more.
    std::vector<batch_entry> retryable;
    for (auto& record : records) {
        std::copy(record.entries.begin(), record.entries.end(), std::back_inserter(retryable));
    }

    for (std::uint32_t i = 0; i < retryable.size(); ++i) {
        retryable[i].owner = i; // store_parts() changes the order
    }

    // The lane sorts and divides them, hence the way back by owner.
    store_parts(retryable);
    std::ranges::sort(retryable, {}, &batch_entry::owner);

    // The lane writes each outcome into its entry: copy them back, payload by payload.
    std::vector<storage::failed_retry> failures;
    auto next = retryable.begin();
    for (auto& record : records) {
        for (auto& entry : record.entries) {
            entry = *next++;
        }
    }

    // Before the outcomes are recorded, because a refused effect makes a stored record wait again
    // (R17).
    apply_effects(records);
    for (auto& record : records) {
        if (!record.entries.empty() && record.entries.back().state == entry_state::suspended) {
            auto const& last = record.entries.back();
            record.reason = ingest::code(last.reason);
            record.detail = last.detail;
        }
        if (record.entries.empty() || record.entries.back().state == entry_state::suspended) {
            failures.push_back({record.id, record.reason, record.detail});
        }
    }

    // A failed attempt is counted, and sets the time of the next automatic one.
    check(storage::record_failures(reader_, failures,
                                   options_.automatic ? &*options_.automatic : nullptr));
}

/// Applies the effects that the retry queued, and those before them. Events whose effects are
/// refused wait again by now: their retry failed.
void suspense_retry::apply_effects(std::vector<decoded>& records) {
    // The rows whose event was stored just now and has an effect.
    std::map<ingest::uuid, decoded*> queued;
    storage::suspense_filter again;
    for (auto& record : records) {
        if (!record.entries.empty() && record.entries.back().is_live_event() &&
            storage::table_of(record.entries.back().event->kind).effects != nullptr) {
            queued.emplace(record.id, &record);
            again.ids.push_back(record.id);
        }
    }
    if (queued.empty()) {
        return;
    }

    // All that is queued, in order: an effect may depend on those before it (R17).
    storage::effect_counts ignored;
    check(storage::effect_queue{reader_}.apply_present([this] { return is_stopping(); }, ignored));

    // An effect that is refused puts its row back. Only by that can it be told from one that was
    // applied.
    // Only rows that wait again are refused ones: the batch has resolved all of them.
    again.state = "waiting";
    auto refused =
        check(storage::list_suspense(reader_, again, static_cast<std::int32_t>(again.ids.size())));
    for (auto& row : refused) {
        auto& record = *queued.at(row.id);
        record.refusal = std::move(row.detail);
        record.entries.back().suspend(ingest::parse_code(row.reason), record.refusal);
    }
}

/// Stores entries; those that the database refuses are divided until the bad ones are found, a few
/// attempts per second.
void suspense_retry::store_parts(std::span<batch_entry> entries) {
    std::deque<std::span<batch_entry>> parts;
    if (!entries.empty()) {
        parts.push_back(entries);
    }
    using clock = storage::failure_budget::clock;
    while (!parts.empty()) {
        auto const part = parts.front();
        parts.pop_front();

        // R15: the search for bad records makes a bounded number of failed transactions per second.
        auto const wait = budget_.wait(clock::now());
        bool const stopped =
            wait > wait.zero() && !pause(std::chrono::ceil<std::chrono::milliseconds>(wait));
        auto const end = stopped ? storage::store_end::given_up : lane_.store(part, {}, 0);

        // An exception, so that no outcome of this page is counted or recorded.
        if (end == storage::store_end::given_up) {
            throw storage::command_error("stopped; records that are not stored wait as before");
        }

        if (end == storage::store_end::poisoned) {
            budget_.spend(clock::now());
            auto const divided = storage::divide(part, lane_.culprit());
            parts.insert(parts.end(), divided.innocent.begin(), divided.innocent.end());
            parts.insert(parts.end(), divided.suspect.begin(), divided.suspect.end());
        }
    }
}

void suspense_retry::count(std::vector<decoded> const& records) {
    // One outcome per payload: tried = stored + duplicate + sum of still_waiting.
    counts_.tried += records.size();
    for (auto const& record : records) {
        if (record.entries.empty()) {
            ++counts_.still_waiting[record.reason];
            continue;
        }

        // The last entry speaks for the payload: it is the one that resolves the row.
        auto const& last = record.entries.back();
        if (last.state == entry_state::suspended) {
            ++counts_.still_waiting[std::string{ingest::code(last.reason)}];
        }
        counts_.stored += last.state == entry_state::live ? 1 : 0;
        counts_.duplicate += last.state == entry_state::duplicate ? 1 : 0;
    }
}

} // namespace tally::daemon
