#include "tests/simulation/position_rules.hpp"

#include "daemon/journal/feeder.hpp"

#include <algorithm>
#include <utility>

namespace tally::simulation {

position_rules::position_rules(model_server& server, file_search has_files)
    : server_{server}, has_files_{std::move(has_files)} {
    server_.before_commit = [this](auto const& before, auto const& after) {
        stored(before, after);
    };
}

void position_rules::keep_broken(std::string rule) {
    if (broken_.empty()) {
        broken_ = std::move(rule);
    }
}

void position_rules::check() const {
    if (!broken_.empty()) {
        throw broken_rule{broken_};
    }
}

std::uint64_t position_rules::position_of(std::string const& stream) const {
    auto const& positions = server_.now().positions;
    auto const found = positions.find(stream);
    if (found != positions.end()) {
        return found->second;
    }
    auto const forgotten = forgotten_.find(stream);
    return forgotten == forgotten_.end() ? 0 : forgotten->second;
}

std::uint64_t position_rules::highest_of(std::string const& stream) const {
    auto const found = highest_.find(stream);
    return found == highest_.end() ? 0 : found->second;
}

/// A stream's position is removed only with the stream.
void position_rules::stored(model_state const& before, model_state const& after) {
    for (auto const& [stream, position] : before.positions) {
        auto const next = after.positions.find(stream);
        if (next == after.positions.end()) {
            forgotten_[stream] = position;
            auto const ended = ended_.find(stream);
            if (ended != ended_.end() && has_files_(ended->second.id)) {
                keep_broken("the position of " + stream + " is removed before its files");
            }
        } else if (next->second < position) {
            keep_broken("the stored position of " + stream + " goes from " +
                        std::to_string(position) + " down to " + std::to_string(next->second));
        }
    }
    for (auto const& [stream, position] : after.positions) {
        auto& highest = highest_[stream];
        highest = std::max(highest, position);
    }
}

void position_rules::wanted(storage::position_move const& move) {
    if (move.next < move.committed) {
        keep_broken("the position of " + std::string{move.stream} + " is to go from " +
                    std::to_string(move.committed) + " down to " + std::to_string(move.next));
    }
}

void position_rules::failed_over() {
    ++daemon_.failovers;
    ++import_.failovers;
}

void position_rules::begin_run(ingest::uuid const& stream) {
    own_ = stream;
    daemon_ = {.stream = daemon::journal_feeder::stream_name(stream)};
}

void position_rules::begin_again() {
    if (daemon_.failovers == 0) {
        throw broken_rule{"a loss is noticed, and the database never went back"};
    }
    daemon_.noticed = daemon_.failovers;
    daemon_.begins_again = true;
}

/// Not beyond what is stored; until a failover is noticed, not beyond what ever was.
void position_rules::hold(reader const& one, std::uint64_t position, char const* act) const {
    auto const stored =
        one.failovers > one.noticed ? highest_of(one.stream) : position_of(one.stream);
    if (position > stored) {
        throw broken_rule{one.stream + " is " + act + " to " + std::to_string(position) +
                          ", and stored to " + std::to_string(stored)};
    }
}

void position_rules::confirm(reader& one, std::uint64_t position) {
    if (position < one.confirmed && !std::exchange(one.begins_again, false)) {
        throw broken_rule{"what is confirmed of " + one.stream + " goes from " +
                          std::to_string(one.confirmed) + " down to " + std::to_string(position)};
    }
    if (position != one.confirmed) {
        hold(one, position, "confirmed");
        one.confirmed = position;
    }
}

void position_rules::confirmed(std::uint64_t position) {
    confirm(daemon_, position);
}

/// Where the journal begins at first: what failed before is not in it.
void position_rules::released(std::uint64_t position) {
    auto const before = daemon_.released.value_or(position);
    if (position < before) {
        throw broken_rule{"the journal begins earlier than before"};
    }
    if (position > before) {
        hold(daemon_, position, "released");
    }
    daemon_.released = position;
}

void position_rules::end_run(std::uint64_t end) {
    ended_[daemon_.stream] = {own_, end};
}

void position_rules::removed() {
    std::erase_if(ended_, [this](auto const& each) {
        auto const& [stream, ended] = each;
        if (has_files_(ended.id)) {
            return false;
        }
        auto one = daemon_;
        one.stream = stream;
        hold(one, ended.end, "removed");
        return true;
    });
}

void position_rules::begin_import(std::string const& stream) {
    import_ = {.stream = stream};
}

void position_rules::import_confirmed(std::uint64_t position) {
    confirm(import_, position);
}

} // namespace tally::simulation
