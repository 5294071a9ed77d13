#include "tests/simulation/model_server.hpp"

#include <algorithm>

namespace tally::simulation {

using storage::failure;
using storage::result;

storage::expected<std::uint64_t> model_positions::load(std::string_view stream) {
    result const status = session_.begin();
    if (!status.ok()) {
        return status;
    }
    auto const& positions = server_.now().positions;
    auto const found = positions.find(std::string{stream});
    return found == positions.end() ? 0 : found->second;
}

/// The end of a request that changes something: the answer may be lost, and the client may be
/// killed before it has it.
result model_positions::end(model_state next) {
    server_.commit(std::move(next));
    if (faults_.chance(faults_.lost_answer)) {
        session_.lose();
        return {failure::transient, "08006", "the answer is lost"};
    }
    faults_.interleave();
    return {};
}

result model_positions::move(storage::position_move const& wanted, storage::position_found& out) {
    if (faults_.moves) {
        faults_.moves(wanted);
    }
    if (result status = session_.begin(); !status.ok()) {
        return status;
    }
    auto const& state = server_.now();
    auto const lost = std::ranges::count_if(
        wanted.batches, [&](auto const& id) { return !state.batches.contains(id); });
    auto const row = state.positions.find(std::string{wanted.stream});
    out.found = row == state.positions.end() ? 0 : row->second;
    out.batches_lost = static_cast<std::uint32_t>(lost);
    if (out.found < wanted.committed) {
        faults_.met("position lower than committed");
    }
    bool const is_refused = lost > 0 && server_.flaw != model_flaw::moves_over_loss;
    if (is_refused || out.found != wanted.committed || wanted.next <= wanted.committed) {
        return {};
    }

    auto next = state;
    next.positions[std::string{wanted.stream}] = wanted.next;
    std::erase_if(next.decisions[std::string{wanted.stream}],
                  [&](auto const& each) { return each.second.end_record <= wanted.next; });
    out.found = wanted.next;
    return end(std::move(next));
}

storage::expected<bool> model_positions::has_ends(std::span<storage::stream_end const> ends) {
    result const status = session_.begin();
    if (!status.ok()) {
        return status;
    }
    auto const& positions = server_.now().positions;
    return std::ranges::all_of(ends, [&positions](auto const& end) {
        auto const found = positions.find(std::string{end.stream});
        return (found == positions.end() ? 0 : found->second) >= end.position;
    });
}

result model_positions::forget(std::string_view stream) {
    if (result status = session_.begin(); !status.ok()) {
        return status;
    }
    auto next = server_.now();
    next.positions.erase(std::string{stream});
    next.decisions.erase(std::string{stream});
    return end(std::move(next));
}

result model_positions::keep_decisions(std::string_view stream,
                                       std::span<storage::decided_range const> decided,
                                       storage::chain_link const& link) {
    if (result status = session_.begin(); !status.ok()) {
        return status;
    }
    auto const& state = server_.now();
    if (!link.previous.is_nil() && !state.batches.contains(link.previous)) {
        return {failure::lost, {}, "the decisions before these are not there"};
    }
    if (state.batches.contains(link.id)) {
        return {failure::unknown, "23505", "these decisions are stored already"};
    }

    auto next = state;
    next.batches.insert(link.id);
    for (auto const& each : decided) {
        auto& kept = next.decisions[std::string{stream}];
        auto const [row, is_new] = kept.try_emplace(each.first_record, each);
        if (!is_new && each.end_record > row->second.end_record) {
            row->second = each;
        }
    }
    return end(std::move(next));
}

result model_positions::load_decisions(std::string_view stream, std::uint64_t position,
                                       std::vector<storage::decided_range>& out) {
    out.clear();
    result status = session_.begin();
    auto const& decisions = server_.now().decisions;
    if (auto const found = decisions.find(std::string{stream});
        status.ok() && found != decisions.end()) {
        for (auto const& [first, range] : found->second) {
            if (range.end_record > position) {
                out.push_back(range);
            }
        }
    }
    return status;
}

} // namespace tally::simulation
