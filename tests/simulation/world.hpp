#pragma once

#include "daemon/journal/feeder.hpp"
#include "daemon/journal/push_journal.hpp"
#include "daemon/pipeline/pipeline.hpp"
#include "daemon/pipeline/position_keeper.hpp"
#include "ingest/base/reversal.hpp"

#include "tests/ingest/journal/crashing_disk.hpp"
#include "tests/simulation/model_server.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

namespace tally::simulation {

/// A rule of the road that did not hold.
class broken_rule : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

/// How often each situation was met, over many runs.
using situations = std::map<std::string, std::uint64_t>;

/// The situations that every long enough run of the simulation must meet.
std::vector<std::string> const& situations_wanted();

/// One schedule: a daemon's road from the push to COMMIT, over a virtual disk and a model of the
/// database, stepped in an order that the seed decides, with faults that the seed decides. At the
/// end the faults stop, everything must drain, and the rules are checked.
class world {
  public:
    world(std::uint64_t seed, situations& met);
    ~world();
    world(world const&) = delete;
    world& operator=(world const&) = delete;

    /// Throws broken_rule.
    void run();

  private:
    struct daemon_run;
    struct sent_record {
        ingest::uuid id;
        std::string body;
        bool is_acknowledged = false;
        bool is_refused = false; ///< the database refuses it: it belongs in suspense
        bool may_repeat = false; ///< its number never moves to another account
    };

    void start();
    void kill(bool with_power);
    void stop_gracefully();
    void tick();
    void act(unsigned actor);
    void interleave();
    bool pause();
    void send();
    std::size_t new_record(unsigned source);
    void deliver(std::vector<std::size_t> const& records, unsigned source);
    void flush();
    void feed();
    void keep();
    void step_lane(std::uint32_t lane);
    void change_catalog();
    void act_as_rival();
    void fail_over();
    void drain();
    void check_stored(char const* when) const;
    void check_sums() const;

    [[nodiscard]] bool chance(unsigned per_mille) { return random_() % 1000 < per_mille; }
    void met(char const* situation) { ++met_[situation]; }

    std::mt19937_64 random_;
    situations& met_;
    std::uint32_t lanes_ = 1;
    std::uint64_t segment_bytes_ = 4096;
    std::int64_t memory_bytes_ = 0;
    std::chrono::seconds retain_{0};
    bool faults_on_ = true;
    bool has_failovers_ = false;

    ingest::tests::crashing_disk disk_;
    model_server server_;
    model_faults faults_;
    std::vector<std::shared_ptr<rating::catalog const>> catalogs_;
    std::size_t catalog_ = 0;
    std::shared_ptr<ingest::source_table const> sources_;
    std::vector<sent_record> records_;
    std::vector<model_call> rivals_; ///< what another daemon stored, and stores again if it is lost
    std::unique_ptr<daemon_run> daemon_;
    std::vector<bool> is_active_; ///< by actor: it is in the middle of a step
    unsigned depth_ = 0;
    unsigned pauses_ = 0; ///< in the present step
    bool stands_still_ = false;
    std::chrono::steady_clock::time_point now_;
};

/// What the product's switches answer (ingest/base/reversal.hpp).
void reverse(reversal protection) noexcept;
/// Random numbers for ids, from the seed.
void seed_ids(std::uint64_t seed) noexcept;

} // namespace tally::simulation
