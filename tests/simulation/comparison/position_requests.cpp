#include "tests/simulation/comparison/sequence.hpp"

#include <array>

// What the keeper and the feeder ask, of the model and of PostgreSQL.

namespace tally::simulation {

void sequence::move_position() {
    auto const stream = universe_.stream();
    auto const& known = server_.now().positions;
    auto const found = known.find(stream);
    std::uint64_t const position = found == known.end() ? 0 : found->second;
    std::set<ingest::uuid> ids;
    for (auto left = random_() % 3; left > 0; --left) {
        ids.insert(universe_.batch_id());
    }
    std::vector<ingest::uuid> const batches(ids.begin(), ids.end());
    auto const committed = chance(800) ? position : random_() % 10;
    storage::position_move const wanted{stream, committed, committed + random_() % 5, batches};

    storage::position_found model;
    storage::position_found real;
    auto const status = real_.positions->move(wanted, real);
    expect_same("move", positions_.move(wanted, model), status);
    if (status.ok()) {
        auto const text = [](storage::position_found const& each) {
            return std::to_string(each.found) + ", " + std::to_string(each.batches_lost) + " lost";
        };
        expect(model.found == real.found && model.batches_lost == real.batches_lost, "moved to",
               text(model), text(real));
    }
}

void sequence::keep_decisions() {
    auto const stream = universe_.stream();
    std::vector<storage::decided_range> decided;
    for (std::uint64_t first = random_() % 4; first < 12 && decided.size() < 3;
         first += 1 + random_() % 4) {
        decided.push_back({first, first + 1 + random_() % 6, "p" + std::to_string(random_() % 9)});
    }
    storage::chain_link const link{chance(900) ? universe_.new_id() : universe_.batch_id(),
                                   chance(400) ? ingest::uuid{} : universe_.batch_id()};
    expect_same("keep decisions", positions_.keep_decisions(stream, decided, link),
                real_.positions->keep_decisions(stream, decided, link));
}

void sequence::read_positions() {
    auto const stream = universe_.stream();
    auto const model = positions_.load(stream);
    auto const real = real_.positions->load(stream);
    expect_same("load position", model.status(), real.status());
    if (model.ok() && real.ok()) {
        expect(*model == *real, "position", std::to_string(*model), std::to_string(*real));
    }

    std::array const ends{storage::stream_end{stream, random_() % 8},
                          storage::stream_end{universe_.stream(), random_() % 4}};
    auto const model_has = positions_.has_ends(ends);
    auto const real_has = real_.positions->has_ends(ends);
    expect_same("has ends", model_has.status(), real_has.status());
    if (model_has.ok() && real_has.ok()) {
        expect(*model_has == *real_has, "ends", *model_has ? "yes" : "no",
               *real_has ? "yes" : "no");
    }

    std::vector<storage::decided_range> model_ranges;
    std::vector<storage::decided_range> ranges;
    auto const first = random_() % 8;
    expect_same("load decisions", positions_.load_decisions(stream, first, model_ranges),
                real_.positions->load_decisions(stream, first, ranges));
    auto const text = [](std::vector<storage::decided_range> const& all) {
        std::string lines;
        for (auto const& each : all) {
            lines += "[" + std::to_string(each.first_record) + " " +
                     std::to_string(each.end_record) + " " + each.payers + "]";
        }
        return lines;
    };
    expect(text(model_ranges) == text(ranges), "decisions", text(model_ranges), text(ranges));
    if (chance(200)) {
        expect_same("forget", positions_.forget(stream), real_.positions->forget(stream));
    }
}

} // namespace tally::simulation
