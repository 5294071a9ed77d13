#include "tests/simulation/comparison/sequence.hpp"

#include <algorithm>
#include <atomic>
#include <thread>

// What a lane asks, of the model and of PostgreSQL.

namespace tally::simulation {

namespace {

/// A line that does not depend on the order.
template <typename Rows, typename Text>
std::string text_of(Rows const& rows, Text const& text) {
    std::vector<std::string> lines;
    for (auto const& row : rows) {
        lines.push_back(text(row));
    }
    std::ranges::sort(lines);
    std::string all;
    for (auto const& line : lines) {
        all += "[" + line + "]";
    }
    return all;
}

std::string text_of(storage::commit_counts const& counts, storage::batch const& rows) {
    // Which of several bad rows is named depends on the order of their keys.
    bool const is_named = counts.refused_call != storage::commit_counts::no_row;
    bool const is_bad = is_named && rows.calls[counts.refused_call].call->hangup_cause == "refused";
    return std::to_string(counts.suspended) + " suspended" + (is_named ? ", a row named" : "") +
           (is_bad ? ", a bad one" : "");
}

} // namespace

storage::result sequence::commit(std::size_t lane, storage::batch const& rows,
                                 std::string const& kind) {
    auto& pair = lanes_[lane];
    storage::commit_counts model_counts;
    storage::commit_counts real_counts;
    auto const model = pair.model->commit(rows, model_counts);
    auto real_rows = rows;
    real_rows.session += rows.session == 0 ? 0 : pair.session_shift;
    auto const real = pair.real->commit(real_rows, real_counts);

    expect_same(kind, model, real);
    auto const text = text_of(real_counts, rows);
    auto const model_text = text_of(model_counts, rows);
    expect(model_text == text, kind + " counts", model_text, text);
    expect(pair.model->session() + pair.session_shift == pair.real->session(), "session",
           std::to_string(pair.model->session()),
           std::to_string(pair.real->session() - pair.session_shift));
    return real;
}

/// A new batch, one that was sent already, or the records of one with a new id.
void sequence::commit_some() {
    auto const lane = random_() % lanes;
    auto const choice = batches_.empty() ? 0 : random_() % 10;
    if (choice >= 9) {
        static_cast<void>(commit(lane, batches_[random_() % batches_.size()], "same batch again"));
        return;
    }
    auto rows = choice >= 7 ? universe_.with_new_id(batches_[random_() % batches_.size()])
                            : universe_.make_batch(server_.now());
    if (choice >= 7) { // as a rival that knows the rows
        for (auto& usage : rows.usage) {
            auto const& known = server_.now().usage;
            auto const found = known.find({usage.subscription_id, usage.period_start});
            usage.expected_version = found == known.end() ? 0 : found->second.version;
        }
    }
    rows.session = chance(500) ? 0 : lanes_[lane].model->session() + (chance(100) ? 1 : 0);
    auto ahead = rows;
    if (chance(300) && !write_ahead(lane, ahead)) {
        return;
    }
    static_cast<void>(commit(lane, ahead, choice >= 7 ? "same records" : "batch"));
    batches_.push_back(std::move(rows));
}

/// Some of the calls before the commit, which are removed from `rows`. False: they were refused,
/// and the transaction is rolled back.
bool sequence::write_ahead(std::size_t lane, storage::batch& rows) {
    auto& pair = lanes_[lane];
    auto const count = static_cast<std::ptrdiff_t>(random_() % (rows.calls.size() + 1));
    if (count == 0) {
        return true;
    }

    auto piece = rows;
    piece.calls.resize(static_cast<std::size_t>(count));
    auto const model = pair.model->write_ahead(piece);
    piece.session += rows.session == 0 ? 0 : pair.session_shift;
    auto const real = pair.real->write_ahead(piece);
    expect_same("calls ahead", model, real);
    rows.written_ahead.add(piece.calls);
    rows.calls.erase(rows.calls.begin(), rows.calls.begin() + count);
    return real.ok();
}

storage::result sequence::lock(std::size_t lane, storage::batch const& rows) {
    auto const model = lanes_[lane].model->lock_rows(rows.usage, rows.metrics);
    auto const real = lanes_[lane].real->lock_rows(rows.usage, rows.metrics);
    expect_same("lock", model, real);
    return real;
}

void sequence::roll_back(std::size_t lane) {
    lanes_[lane].model->roll_back();
    lanes_[lane].real->roll_back();
}

/// What a lane does after `stale`: lock, read, commit what holds now. The session may end
/// meanwhile.
void sequence::commit_locked() {
    auto const lane = random_() % lanes;
    auto rows = universe_.make_batch(server_.now());
    if (!lock(lane, rows).ok()) {
        return;
    }
    if (chance(100)) {
        real_.end_session(static_cast<int>(lane));
        lanes_[lane].model->end_session();
    }
    std::vector<storage::usage_key> keys;
    for (auto const& usage : rows.usage) {
        keys.push_back({usage.subscription_id, usage.period_start});
    }
    std::vector<storage::usage_state> states;
    std::vector<storage::metric_state> metrics;
    auto const model = lanes_[lane].model->load_usage(keys, states);
    std::vector<storage::usage_state> real_states;
    expect_same("load locked", keys.empty() ? storage::result{} : model,
                lanes_[lane].real->load_usage(keys, real_states));
    for (std::size_t i = 0; i < states.size(); ++i) {
        expect(states[i].version == real_states[i].version, "version of a locked row",
               std::to_string(states[i].version), std::to_string(real_states[i].version));
        rows.usage[i].expected_version = states[i].version;
    }
    if (model.ok() && !rows.metrics.empty()) {
        static_cast<void>(lanes_[lane].model->load_metrics(rows.metrics, metrics));
        std::vector<storage::metric_state> real_metrics;
        static_cast<void>(lanes_[lane].real->load_metrics(rows.metrics, real_metrics));
        for (std::size_t i = 0; i < metrics.size(); ++i) {
            expect(metrics[i].version == real_metrics[i].version, "version of a locked metric",
                   std::to_string(metrics[i].version), std::to_string(real_metrics[i].version));
            rows.metrics[i].expected_version = metrics[i].version;
        }
    }
    static_cast<void>(commit(lane, rows, "locked batch"));
    batches_.push_back(std::move(rows));
}

/// Or commits no more than the rows that the locks have made.
void sequence::lock_and_leave() {
    auto const lane = random_() % lanes;
    auto const rows = universe_.make_batch(server_.now());
    if (!lock(lane, rows).ok()) {
        return;
    }
    if (chance(500)) {
        roll_back(lane);
        return;
    }
    storage::batch empty;
    empty.id = universe_.new_id();
    empty.daemon_id = empty.id;
    empty.opened = rows.opened;
    static_cast<void>(commit(lane, empty, "empty batch"));
}

/// Lane 0 locks the rows of a batch and knows their versions. False: there is nothing to lock, or
/// it could not.
bool sequence::hold_rows(storage::batch& holding) {
    if (holding.usage.empty() || !lock(0, holding).ok()) {
        return false;
    }
    std::vector<storage::usage_key> keys;
    for (auto const& usage : holding.usage) {
        keys.push_back({usage.subscription_id, usage.period_start});
    }
    std::vector<storage::usage_state> states;
    static_cast<void>(lanes_[0].real->load_usage(keys, states));
    for (std::size_t i = 0; i < states.size(); ++i) {
        holding.usage[i].expected_version = states[i].version;
    }
    return true;
}

/// Lane 1 makes a request that waits for lane 0, until that one commits or rolls back.
void sequence::contend(storage::batch const& holding, std::string const& kind,
                       lane_request const& request) {
    bool const commits = chance(500);
    auto const end = [&](storage::batch_store& store) {
        storage::commit_counts counts;
        storage::result status;
        commits ? status = store.commit(holding, counts) : (store.roll_back(), storage::result{});
        return status;
    };

    storage::result model_held;
    when_blocked_ = [&] { model_held = end(*lanes_[0].model); };
    auto const model = request(*lanes_[1].model);
    if (auto const act = std::exchange(when_blocked_, nullptr)) {
        act(); // it did not wait
    }

    std::atomic<bool> is_over{false};
    storage::result real;
    std::jthread waiter{[&] {
        real = request(*lanes_[1].real);
        is_over = true;
    }};
    real_.wait_until_blocked(1, is_over);
    auto const real_held = end(*lanes_[0].real);
    waiter.join();
    expect_same("holder of a lock", model_held, real_held);
    expect_same(kind, model, real);
}

void sequence::commit_behind_lock() {
    auto holding = universe_.make_batch(server_.now());
    auto const waiting = universe_.with_new_id(holding);
    if (hold_rows(holding)) {
        contend(holding, "batch behind a lock", [&](storage::batch_store& store) {
            storage::commit_counts counts;
            return store.commit(waiting, counts);
        });
    }
}

/// Some of the rows may come into being meanwhile.
void sequence::lock_behind_lock() {
    auto holding = universe_.make_batch(server_.now());
    auto const waiting = universe_.make_batch(server_.now());
    auto const& wanted = waiting.usage.empty() ? holding : waiting;
    if (!hold_rows(holding)) {
        return;
    }
    contend(holding, "lock behind a lock", [&](storage::batch_store& store) {
        return store.lock_rows(wanted.usage, wanted.metrics);
    });
    roll_back(1);
}

void sequence::ask_committed() {
    auto const lane = random_() % lanes;
    auto const id = universe_.batch_id();
    auto const model = lanes_[lane].model->is_committed(id);
    auto const real = lanes_[lane].real->is_committed(id);
    expect_same("is it committed", model.status(), real.status());
    if (model.ok() && real.ok()) {
        expect(*model == *real, "committed", std::to_string(*model), std::to_string(*real));
    }
}

void sequence::read_rows() {
    auto const lane = random_() % lanes;
    auto const keys = universe_.usage_keys();
    std::vector<storage::usage_state> model;
    std::vector<storage::usage_state> real;
    expect_same("load usage", lanes_[lane].model->load_usage(keys, model),
                lanes_[lane].real->load_usage(keys, real));
    auto const usage_text = [](storage::usage_state const& row) {
        return std::to_string(row.version) + " " + std::to_string(row.included_seconds_used);
    };
    expect(text_of(model, usage_text) == text_of(real, usage_text), "usage rows",
           text_of(model, usage_text), text_of(real, usage_text));

    auto const metrics = universe_.metric_keys();
    std::vector<storage::metric_state> model_metrics;
    std::vector<storage::metric_state> real_metrics;
    expect_same("load metrics", lanes_[lane].model->load_metrics(metrics, model_metrics),
                lanes_[lane].real->load_metrics(metrics, real_metrics));
    auto const metric_text = [](storage::metric_state const& row) {
        return std::to_string(row.version) + " " + rating::to_string(row.usage.total) + " " +
               std::to_string(row.usage.latest_at);
    };
    expect(text_of(model_metrics, metric_text) == text_of(real_metrics, metric_text), "metric rows",
           text_of(model_metrics, metric_text), text_of(real_metrics, metric_text));
}

void sequence::read_records() {
    auto const lane = random_() % lanes;
    std::vector<storage::stored_call> model;
    std::vector<storage::stored_call> real;
    auto const keys = universe_.call_keys();
    expect_same("find calls", lanes_[lane].model->stored_calls(keys, model),
                lanes_[lane].real->stored_calls(keys, real));
    auto const call_text = [](storage::stored_call const& row) {
        return ingest::to_string(row.key.id).substr(28) + " " + row.caller_id + " " +
               row.destination + " " + row.hangup_cause + " " + std::to_string(row.answer) + " " +
               std::to_string(row.end) + " " + std::to_string(row.duration_s) + " " +
               std::to_string(row.billsec_s) + " " + row.sent_caller_id + row.sent_destination;
    };
    expect(text_of(model, call_text) == text_of(real, call_text), "calls",
           text_of(model, call_text), text_of(real, call_text));

    std::vector<storage::stored_event> model_events;
    std::vector<storage::stored_event> real_events;
    auto const ids = universe_.event_ids();
    expect_same("find events", lanes_[lane].model->stored_events(ids, model_events),
                lanes_[lane].real->stored_events(ids, real_events));
    auto const event_text = [](storage::stored_event const& row) {
        return ingest::to_string(row.id) + " " + std::to_string(row.content);
    };
    expect(text_of(model_events, event_text) == text_of(real_events, event_text), "events",
           text_of(model_events, event_text), text_of(real_events, event_text));
}

void sequence::end_a_session() {
    auto const connection = random_() % (lanes + 1);
    real_.end_session(static_cast<int>(connection));
    if (connection < lanes) {
        lanes_[connection].model->end_session();
    } else {
        positions_.end_session();
    }
    log_ += "  session ended\n";
}

} // namespace tally::simulation
