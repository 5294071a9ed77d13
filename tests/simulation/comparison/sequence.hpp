#pragma once

#include "tests/simulation/comparison/real_server.hpp"
#include "tests/simulation/comparison/universe.hpp"
#include "tests/simulation/model_server.hpp"

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

namespace tally::simulation {

/// The model and PostgreSQL answer differently.
class difference : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

/// A random sequence of requests, as lanes, keeper, feeder and rivals make them. Each is made to
/// the model and to PostgreSQL, and the answers are compared; at the end, what is stored.
class sequence {
  public:
    /// `number` is unique in the program, so that no two sequences have records in common.
    sequence(real_server& real, std::uint64_t seed, std::uint32_t number, model_flaw flaw);

    /// Throws difference.
    void run();
    /// How often each outcome was met, over all sequences.
    static std::map<std::string, std::uint64_t> const& outcomes() noexcept;

  private:
    static constexpr std::size_t lanes = real_server::lanes;

    using lane_request = std::function<storage::result(storage::batch_store&)>;
    struct lane_pair {
        std::unique_ptr<model_store> model;
        storage::batch_writer* real = nullptr;
        std::uint64_t session_shift = 0; ///< the real session's number less the model's
    };

    void synchronize();
    void step();
    void compare_all();

    // Requests of a lane.
    void commit_some();
    bool write_ahead(std::size_t lane, storage::batch& rows);
    void commit_locked();
    void commit_behind_lock();
    void lock_behind_lock();
    bool hold_rows(storage::batch& holding);
    void contend(storage::batch const& holding, std::string const& kind,
                 lane_request const& request);
    void lock_and_leave();
    void ask_committed();
    void read_rows();
    void read_records();
    void end_a_session();
    storage::result commit(std::size_t lane, storage::batch const& rows, std::string const& kind);
    storage::result lock(std::size_t lane, storage::batch const& rows);
    void roll_back(std::size_t lane);

    // Requests of the keeper and the feeder.
    void move_position();
    void keep_decisions();
    void read_positions();

    void expect_same(std::string const& kind, storage::result const& model,
                     storage::result const& real);
    void expect(bool is_same, std::string const& kind, std::string const& model,
                std::string const& real);
    bool chance(unsigned per_mille) { return random_() % 1000 < per_mille; }

    std::mt19937_64 random_;
    real_server& real_;
    model_server server_;
    model_faults faults_;
    std::array<lane_pair, lanes> lanes_;
    model_positions positions_{server_, faults_};
    universe universe_;
    std::vector<storage::batch> batches_; ///< that were sent, to be sent again
    std::function<void()> when_blocked_;  ///< what the holder of a lock does
    std::string log_;
};

} // namespace tally::simulation
