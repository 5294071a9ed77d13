#include "daemon/suspense_retry.hpp"

#include "ingest/decoder.hpp"
#include "rating/guide.hpp"
#include "rating/number_rules.hpp"

#include <algorithm>
#include <stdexcept>
#include <thread>

namespace tally::daemon {

using ingest::record_error;
using storage::batch_entry;
using storage::entry_state;

namespace {

/// Tells nobody: the entries say what became of them.
class silent_observer final : public storage::lane_observer {
  public:
    void stored(storage::stored_batch const& /*what*/) override {}
    void retried(std::string_view /*reason*/, storage::result const& /*why*/) override {}
};

void check(storage::result const& said) {
    if (!said.ok()) {
        throw std::runtime_error("the database refuses: " + said.detail);
    }
}

std::shared_ptr<ingest::source const> source_of(ingest::source_table const& sources,
                                                ingest::uuid const& id) {
    for (auto const& each : sources.all()) {
        if (each.id == id) {
            return std::make_shared<ingest::source const>(each);
        }
    }
    return nullptr;
}

} // namespace

/// A record and the memory that its entry points to.
struct suspense_retry::decoded {
    ingest::record_batch batch;
    std::shared_ptr<ingest::source const> from;
    batch_entry entry;
};

suspense_retry::suspense_retry(retry_options how)
    : how_{std::move(how)}, reader_{how_.connection_string, "tallyd rerate: suspense"},
      writer_{how_.connection_string, "tallyd rerate: suspense", how_.partitions},
      observer_{std::make_unique<silent_observer>()}, lane_{writer_,
                                                            {.lane = 0,
                                                             .lanes = 1,
                                                             .daemon_id = ingest::uuid_v7()},
                                                            *observer_,
                                                            [this](std::chrono::milliseconds time) {
                                                                std::this_thread::sleep_for(time);
                                                                return !how_.stop || !how_.stop();
                                                            }} {}

suspense_retry::~suspense_retry() = default;

retry_counts suspense_retry::run() {
    auto const reasons = storage::reasons_to_retry();
    std::int64_t waiting = 0;
    check(storage::count_waiting(reader_, reasons, waiting));
    std::vector<storage::waiting_record> records;
    ingest::uuid after;
    do {
        if (how_.stop && how_.stop()) {
            break;
        }
        check(storage::next_waiting(reader_, reasons, after, records));
        if (!records.empty()) {
            retry(records);
            after = records.back().id;
        }
        if (how_.on_progress) {
            how_.on_progress(counts_, waiting);
        }
    } while (!records.empty());
    return counts_;
}

void suspense_retry::retry(std::vector<storage::waiting_record> const& records) {
    std::vector<decoded> memory(records.size());
    std::vector<batch_entry> entries;
    for (std::size_t i = 0; i < records.size(); ++i) {
        decode(records[i], memory[i]);
        entries.push_back(memory[i].entry);
    }
    how_.is_dry_run ? rate_only(entries) : store(entries);
    count(entries);
}

/// As the record's own decoder reads it by now, guided by the catalog as it is now.
void suspense_retry::decode(storage::waiting_record const& record, decoded& into) const {
    auto& entry = into.entry;
    into.from = source_of(*how_.sources, record.source_id);
    auto const* const format = ingest::find_format(record.format);
    entry.catalog = how_.catalog.get();
    entry.from = into.from.get();
    entry.suspense_id = record.id;
    entry.suspend(record.reason, ingest::explain(record.reason));
    auto& batch = into.batch;
    batch.set_body(record.payload);
    entry.raw = batch.body;
    if (format == nullptr || into.from == nullptr) {
        return; // made by a later tallyd
    }
    entry.format = format->name;
    format->decode({*into.from, {}, {}}, batch);
    entry.state = entry_state::live;
    if (batch.events.size() == 1) {
        entry.take(batch.events.front(), rating::guide(batch.events.front(), *how_.catalog));
        entry.raw = batch.body;
        return;
    }
    if (batch.cdrs.size() != 1) {
        auto const why = batch.rejected.empty() ? batch.whole_error : batch.rejected.front().error;
        entry.suspend(why == record_error::none ? record.reason : why, ingest::explain(why));
        return;
    }
    rating::apply_number_rules(batch, into.from->numbers);
    auto& call = batch.cdrs.front();
    auto const who = rating::guide(call, *how_.catalog);
    call.direction = who.direction;
    entry.take(call, who);
    entry.raw = batch.body;
}

void suspense_retry::rate_only(std::vector<batch_entry>& entries) {
    rows_.begin(entries);
    check(rows_.load(writer_));
    storage::batch rated;
    rows_.rate(rated);
    rows_.written(rated); // the next batch goes on from these allowances
}

void suspense_retry::store(std::vector<batch_entry>& entries) {
    // Only those that have hope go the road: the others would come back to where they are.
    std::vector<batch_entry> hopeful;
    std::vector<std::size_t> places;
    for (std::size_t i = 0; i < entries.size(); ++i) {
        if (entries[i].state == entry_state::live) {
            hopeful.push_back(entries[i]);
            places.push_back(i);
        }
    }
    if (!hopeful.empty() && !lane_.store(hopeful, {}, {}, 0)) {
        throw std::runtime_error("stopped; what was not stored waits as before");
    }
    for (std::size_t i = 0; i < places.size(); ++i) {
        entries[places[i]] = hopeful[i];
    }
    std::vector<storage::failed_retry> failures;
    for (auto const& entry : entries) {
        if (entry.state == entry_state::suspended) {
            failures.push_back({entry.suspense_id, entry.reason, entry.detail});
        }
    }
    check(storage::record_failures(reader_, failures));
}

void suspense_retry::count(std::vector<batch_entry> const& entries) {
    counts_.tried += entries.size();
    for (auto const& entry : entries) {
        counts_.stored += entry.state == entry_state::live ? 1 : 0;
        counts_.duplicate += entry.state == entry_state::duplicate ? 1 : 0;
        if (entry.state == entry_state::suspended) {
            ++counts_.still_waiting[entry.reason];
        }
    }
}

} // namespace tally::daemon
