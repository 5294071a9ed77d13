#include "tests/crash/load.hpp"

#include "tests/crash/repeatable_random.hpp"
#include "tests/support/http_client.hpp"

#include <algorithm>
#include <chrono>

namespace tally::crash {

namespace {

using std::chrono::milliseconds;

/// Shorter than Retry-After asks for: the daemon should be under pressure.
constexpr milliseconds after_refusal{20};
constexpr milliseconds after_loss{3};
constexpr std::size_t findings_max = 20;
constexpr std::size_t pushes_per_connection = 250;

/// The number that follows "name": in a flat JSON object; -1 when there is none.
std::int64_t count_in(std::string const& json, std::string const& name) {
    auto const cursor = json.find("\"" + name + "\":");
    return cursor == std::string::npos ? -1 : std::stoll(json.substr(cursor + name.size() + 3));
}

} // namespace

load::load(std::uint64_t seed, std::uint64_t first_index)
    : seed_{seed}, first_index_{first_index}, next_index_{first_index} {}

load::~load() {
    stop();
}

void load::start(unsigned senders) {
    for (unsigned i = 0; i < senders; ++i) {
        senders_.emplace_back([this, i] { send_all(i); });
    }
}

void load::stop() {
    stopping_ = true;
    senders_.clear();
}

void load::send_each(std::vector<std::uint64_t> indices, unsigned senders) {
    std::atomic<std::size_t> next{0};
    std::vector<std::jthread> threads;
    for (unsigned i = 0; i < senders; ++i) {
        threads.emplace_back([&] { send_from(indices, next); });
    }
}

void load::send_from(std::vector<std::uint64_t> const& indices, std::atomic<std::size_t>& next) {
    for (auto i = next++; i < indices.size(); i = next++) {
        auto const push = push_at(indices[i]);
        auto fate = push_fate::unknown;
        for (int tries = 0; tries < 1000 && fate != push_fate::acknowledged; ++tries) {
            fate = send(push, some_port(mixed(seed_, i)), false);
            note(push.index, fate);
        }
    }
}

bool load::send_next(std::size_t blank_bytes) {
    auto const push = push_at(next_index_++);
    auto fate = push_fate::unknown;
    for (int tries = 0; tries < 1000 && fate != push_fate::acknowledged; ++tries) {
        fate = send(push, some_port(push.index), false, blank_bytes);
        note(push.index, fate);
    }
    return fate == push_fate::acknowledged;
}

void load::send_for(milliseconds time, unsigned senders) {
    auto const end = std::chrono::steady_clock::now() + time;
    std::vector<std::jthread> threads;
    for (unsigned i = 0; i < senders; ++i) {
        threads.emplace_back([this, end] { send_many(end); });
    }
}

void load::send_many(std::chrono::steady_clock::time_point end) {
    while (std::chrono::steady_clock::now() < end) {
        // Only pushes with one answer and one target, so that a connection takes all of them.
        std::vector<std::uint64_t> indexes;
        std::vector<std::string> bodies;
        while (bodies.size() < pushes_per_connection) {
            auto const push = push_at(next_index_++);
            if (push.refused() == 0 && !push.is_from_switch) {
                indexes.push_back(push.index);
                bodies.push_back(push.body());
            }
        }

        auto const port = some_port(indexes.front());
        auto const taken = tests::http_post_each(port, "/v1/cdrs", bodies, 202);
        if (taken < bodies.size()) {
            find(std::to_string(bodies.size() - taken) + " pushes were not acknowledged");
        }
        for (auto const index : indexes) {
            note(index, taken == bodies.size() ? push_fate::acknowledged : push_fate::unknown);
        }
    }
}

bool load::wait_acknowledged(std::uint64_t more, milliseconds limit) const {
    auto const wanted = acknowledged_ + more;
    auto const deadline = std::chrono::steady_clock::now() + limit;
    while (acknowledged_ < wanted) {
        if (std::chrono::steady_clock::now() > deadline) {
            return false;
        }
        std::this_thread::sleep_for(milliseconds{2});
    }
    return true;
}

std::vector<std::string> load::findings() const {
    std::lock_guard const lock{mutex_};
    return findings_;
}

void load::send_all(std::uint64_t sender) {
    repeatable_random random{mixed(seed_, first_index_ + sender)};
    while (!stopping_) {
        auto const port = some_port(random.below(1U << 20));
        if (port == 0) {
            std::this_thread::sleep_for(after_loss);
            continue;
        }
        bool const repeats = random.one_in(8) && next_index_ > first_index_;
        auto const index = repeats ? random.between(first_index_, next_index_ - 1) : next_index_++;
        auto const push = push_at(index);
        auto const fate = send(push, port, random.one_in(10) && asks_for_commit_);
        note(index, fate);
        std::this_thread::sleep_for(rest_.load());
        // Half of the pushes without a response are repeated; the outcome of the others stays
        // unknown.
        if (fate == push_fate::unknown && random.one_in(2) && !stopping_) {
            note(index, send(push, some_port(random.below(1U << 20)), false));
        }
    }
}

std::uint16_t load::some_port(std::uint64_t dice) const noexcept {
    std::uint16_t const chosen = ports_[dice % daemons_max];
    return chosen != 0 ? chosen : ports_[(dice + 1) % daemons_max].load();
}

push_fate load::send(sample_push const& push, std::uint16_t port, bool wait_for_commit,
                     std::size_t blank_bytes) {
    try {
        auto const answer = tests::http_request(
            port, "POST", push.target() + (wait_for_commit ? "?ack=commit" : ""),
            push.body() + std::string(blank_bytes, '\n'),
            {{"Content-Type", "application/x-ndjson"}});
        if (answer.status == 503) {
            ++refused_;
            without_time_ += answer.retry_after.empty() ? 1 : 0;
            std::this_thread::sleep_for(after_refusal);
            return push_fate::unknown;
        }
        return read_answer(push, answer.status, answer.body);
    } catch (std::exception const&) { // the connection was lost
        std::this_thread::sleep_for(after_loss);
        return push_fate::unknown;
    }
}

push_fate load::read_answer(sample_push const& push, unsigned status, std::string const& body) {
    auto const all = static_cast<std::int64_t>(push.calls.size());
    auto const refused = static_cast<std::int64_t>(push.refused());
    if (status == 422 && refused == all) {
        return push_fate::acknowledged; // there was nothing to store
    }
    bool right = (status == 202 || status == 200) && count_in(body, "received") == all &&
                 count_in(body, "accepted") == all - refused;
    if (right && status == 200) {
        right = count_in(body, "committed") + count_in(body, "duplicate") +
                    count_in(body, "suspended") ==
                all - refused;
    }
    if (!right) {
        find("push " + std::to_string(push.index) + " of " + std::to_string(all) +
             " records was answered " + std::to_string(status) + " " + body.substr(0, 300));
        return push_fate::unknown;
    }
    return push_fate::acknowledged;
}

void load::note(std::uint64_t index, push_fate fate) {
    std::lock_guard const lock{mutex_};
    auto const i = index - first_index_;
    if (i >= fates_.size()) {
        fates_.resize(i + 1, push_fate::unsent);
    }
    if (fate == push_fate::acknowledged && fates_[i] != fate) {
        ++acknowledged_;
    }
    fates_[i] = std::max(fates_[i], fate);
}

void load::find(std::string text) {
    std::lock_guard const lock{mutex_};
    if (findings_.size() < findings_max) {
        findings_.push_back(std::move(text));
    }
}

} // namespace tally::crash
