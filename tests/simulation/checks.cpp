#include "ingest/journal/segment.hpp"
#include "tests/simulation/daemon_run.hpp"
#include "tests/simulation/import_run.hpp"
#include "tests/simulation/world.hpp"

#include <algorithm>

namespace tally::simulation {

/// After each step: memory is within its bounds, and positions are where they may be.
void world::check_step() {
    auto& run = *daemon_;
    run.sink.check();
    run.pending.check(run.writer.pending_bytes());
    positions_.check();
    positions_.confirmed(run.feeder->committed());
    if (import_ != nullptr) {
        check_import();
    }
    if (disk_.changes() != files_seen_) {
        check_files();
    }
}

/// An import that does not resume has pushed what it has read, except for its reader's part.
void world::check_import() {
    auto const& run = *import_;
    run.sink.check();
    if (run.kept == nullptr) {
        return;
    }
    positions_.import_confirmed(run.kept->committed);
    bool const is_whole = run.resumed_from == 0 && !run.is_over;
    if (is_whole && run.read_bytes > run.sink.pushed_bytes() + run.read_bytes_max) {
        throw broken_rule{"import: " + std::to_string(run.read_bytes) + " bytes are read, and " +
                          std::to_string(run.sink.pushed_bytes()) + " pushed"};
    }
}

/// The files of an earlier run go only when all of it is stored.
void world::check_files() {
    files_seen_ = disk_.changes();
    positions_.removed();
}

bool world::has_files(ingest::uuid const& stream) {
    auto const name = ingest::to_string(stream);
    return std::ranges::any_of(disk_.list(journal_path), [&name](auto const& listed) {
        return listed.bytes > ingest::segment_head_bytes &&
               listed.file.filename().string().starts_with(name);
    });
}

world::stored_records world::look() const {
    auto const& state = server_.now();
    stored_records there;
    for (auto const& [key, call] : state.calls) {
        there.contents[key.id].push_back(call.content);
    }
    for (auto const& [id, event] : state.events) {
        there.contents[id].push_back(std::to_string(event.content));
    }
    for (auto const& [key, reason] : state.suspense) {
        auto& rows =
            reason == ingest::record_error::refused_together ? there.together : there.suspended;
        rows.insert(key);
    }
    return there;
}

/// How often the database has this record, with its own content.
unsigned world::times_there(sent_record const& record, stored_records const& there) const {
    suspense_key const key{sources_->all()[record.source].id, record.body};
    unsigned times = there.suspended.contains(key);
    if (auto const found = there.contents.find(record.id); found != there.contents.end()) {
        times += static_cast<unsigned>(std::ranges::count(found->second, record.content));
    }

    // One that was suspended with others and then sent again is stored: the retry of the first
    // finds it to be a duplicate.
    return times == 0 && there.together.contains(key) ? 1 : times;
}

/// The feeder pushes a block: each of its lines is a record, and the lines are numbered.
void world::note_numbers(ingest::record_block const& block) {
    std::string_view body = block.batch.body;
    for (auto number = block.stream_begin; number < block.stream_end; ++number) {
        auto const line = body.substr(0, body.find('\n'));
        body.remove_prefix(std::min(line.size() + 1, body.size()));
        if (auto const found = index_of_.find(std::string{line}); found != index_of_.end()) {
            records_[found->second].numbers.insert(number);
        }
    }
}

void world::note_gaps() {
    for (auto const& gap : daemon_->feeder->gaps()) {
        named_gaps_.emplace(gap.first_record, gap.end_record);
        met("gap found");
    }
}

/// Whether the daemon has told the operator that this record may be missing.
bool world::is_in_named_gap(sent_record const& record) const {
    return std::ranges::any_of(named_gaps_, [&record](auto const& gap) {
        auto const first = record.numbers.lower_bound(gap.first);
        return first != record.numbers.end() && *first < gap.second;
    });
}

void world::check_record(std::size_t index, stored_records const& there, char const* when) const {
    auto const& record = records_[index];
    auto const number = "record " + std::to_string(index);
    auto const times = times_there(record, there);
    if (times > 1) {
        throw broken_rule{number + " is there " + std::to_string(times) + " times although " +
                          when};
    }
    bool const may_miss = lost_.contains(index) && is_in_named_gap(record);
    if (record.is_acknowledged && times == 0 && !may_miss) {
        throw broken_rule{number + " was acknowledged and is nowhere although " + when};
    }
    if (record.is_refused && there.contents.contains(record.id)) {
        throw broken_rule{number + " breaks a constraint and is stored"};
    }
}

/// Every acknowledged record is stored once, or suspended once, and nothing else is.
void world::check_stored(char const* when) const {
    auto const there = look();
    std::map<ingest::uuid, std::set<std::string>> sent;
    for (std::size_t i = 0; i < records_.size(); ++i) {
        sent[records_[i].id].insert(records_[i].content);
        check_record(i, there, when);
    }
    for (auto const& [id, contents] : there.contents) {
        if (contents.size() > 1) {
            throw broken_rule{"two records of one identity are stored"};
        }
        if (auto const found = sent.find(id);
            found == sent.end() || !found->second.contains(contents[0])) {
            throw broken_rule{"a record is stored that was never sent"};
        }
    }
}

/// Usage, metrics, balances and records tell the same.
void world::check_sums() const {
    auto const& state = server_.now();
    std::int64_t calls = 0;
    std::int64_t events = 0;
    rating::int128 cost = 0;
    rating::int128 usage_cost = 0;
    rating::int128 charged = 0;
    for (auto const& [key, call] : state.calls) {
        cost += call.cost_nanos;
    }
    for (auto const& [id, event] : state.events) {
        cost += event.cost_nanos;
    }
    for (auto const& [key, usage] : state.usage) {
        calls += usage.calls;
        usage_cost += usage.cost_nanos;
        if (usage.included_s > 120) {
            throw broken_rule{"more than the allowance is granted"};
        }
    }
    for (auto const& [key, metric] : state.metrics) {
        events += metric.events;
    }
    for (auto const& [account, sum] : state.charges) {
        charged += sum;
    }
    if (calls != static_cast<std::int64_t>(state.calls.size()) ||
        events != static_cast<std::int64_t>(state.events.size()) || cost != usage_cost ||
        cost != charged) {
        throw broken_rule{"the sums of records, usage, metrics and balances differ"};
    }
}

} // namespace tally::simulation
