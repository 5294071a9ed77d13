#pragma once

#include "daemon/journal/feeder.hpp"
#include "daemon/journal/push_journal.hpp"
#include "daemon/pipeline/pipeline.hpp"
#include "daemon/pipeline/position_keeper.hpp"
#include "ingest/base/reversal.hpp"

#include "tests/ingest/journal/crashing_disk.hpp"
#include "tests/simulation/broken_rule.hpp"
#include "tests/simulation/memory_rules.hpp"
#include "tests/simulation/model_server.hpp"
#include "tests/simulation/position_rules.hpp"
#include "tests/simulation/scheduler.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace tally::simulation {

/// How often each situation was met, over many runs.
using situations = std::map<std::string, std::uint64_t>;

/// The situations that every long enough run of the simulation must meet.
std::vector<std::string> const& situations_wanted();

/// One schedule: a daemon's pipeline from the push to COMMIT, an import and another daemon beside
/// it, over a virtual disk and a model of the database, stepped in an order that the seed decides,
/// with faults that the seed decides. After each step memory and positions are checked. At the end
/// the faults stop, everything must drain, and what is stored is checked.
class world {
  public:
    world(std::uint64_t seed, situations& met);
    ~world();
    world(world const&) = delete;
    world& operator=(world const&) = delete;

    /// Throws broken_rule.
    void run();

  private:
    using duration = scheduler::clock::duration;
    struct daemon_run;
    struct import_run;
    struct rival_run;
    struct sent_record {
        ingest::uuid id{};
        std::string body{};
        std::string content{}; ///< equal for two reports of one record
        unsigned source = 0;
        bool is_event = false;
        bool is_acknowledged = false;
        bool is_refused = false;           ///< the database refuses it: it belongs in suspense
        bool may_repeat = false;           ///< its number never moves to another account
        std::set<std::uint64_t> numbers{}; ///< in the journal's streams, as they were fed
    };
    /// What the database has of the records that were sent.
    struct stored_records {
        std::map<ingest::uuid, std::vector<std::string>> contents; ///< by record id
        std::set<suspense_key> suspended;                          ///< by themselves
        std::set<suspense_key> together; ///< with others, perhaps though they are good
    };

    // The daemon and its parts (daemon_steps.cpp).
    void start();
    void add_parts();
    void kill(bool with_power);
    void end_run();
    void stop_gracefully();
    void end_stopped(bool is_drained);
    duration flush();
    duration feed();
    duration keep();
    duration step_lane(std::uint32_t lane);
    bool pause(process const& owner);
    void interleave();
    int wait_for_disk() noexcept;

    // What happens around it (world.cpp).
    void tick();
    void guard(void (world::*part)());
    void step_one();
    void change_catalog();
    void give_catalog();
    void fail_over();
    void settle_gaps();
    void drain();
    bool drain_some(int round);
    [[noreturn]] void fail_to_drain();

    // The senders (senders.cpp).
    duration send();
    std::size_t new_call(unsigned source);
    std::size_t new_event(unsigned source);
    std::size_t new_conflict(std::size_t first);
    std::size_t add(sent_record record);
    std::optional<std::size_t> repeatable(unsigned source, bool is_event);
    void deliver(std::vector<std::size_t> const& records, unsigned source, bool are_events);
    [[nodiscard]] std::unique_ptr<ingest::record_block> decoded(std::string body, unsigned source,
                                                                bool are_events) const;

    // The import (importer.cpp).
    void start_import();
    void write_file();
    void end_import();
    void kill_import();
    void import_file();
    bool open_import();
    void step_imports();

    // Another daemon (rival.cpp).
    void start_rival();
    void kill_rival();
    void step_rivals();
    duration act_as_rival();
    void change_usage();
    void create_usage();
    void repeat_at_rival();
    void hold_locks();

    // The rules (checks.cpp).
    void check_step();
    void check_import();
    void check_files();
    [[nodiscard]] bool has_files(ingest::uuid const& stream);
    [[nodiscard]] stored_records look() const;
    [[nodiscard]] unsigned times_there(sent_record const& record,
                                       stored_records const& there) const;
    void check_stored(char const* when) const;
    void note_numbers(ingest::record_block const& block);
    void note_gaps();
    [[nodiscard]] bool is_in_named_gap(sent_record const& record) const;
    void check_record(std::size_t index, stored_records const& there, char const* when) const;
    void check_sums() const;

    [[nodiscard]] bool chance(unsigned per_mille) { return random_() % 1000 < per_mille; }
    void met(char const* situation) { ++met_[situation]; }

    std::mt19937_64 random_;
    situations& met_;
    scheduler scheduler_{random_};
    std::uint32_t lanes_ = 1;
    std::uint64_t segment_bytes_ = 4096;
    std::uint64_t journal_bytes_ = 0;
    std::int64_t memory_bytes_ = 0;
    std::int64_t push_memory_bytes_ = 0;
    std::chrono::seconds retain_{0};
    std::uint64_t retain_bytes_ = 0;
    unsigned switch_per_mille_ = 0; ///< how often a request lets others run
    bool faults_on_ = true;
    bool has_failovers_ = false;
    bool has_rival_ = false;
    bool may_lose_ = false; ///< failovers go back further than the journal keeps

    ingest::tests::crashing_disk disk_;
    model_server server_;
    model_faults faults_;
    position_rules positions_{server_, [this](auto const& stream) { return has_files(stream); }};
    std::uint64_t files_seen_ = 0; ///< changes of the disk, at the last look
    std::vector<std::shared_ptr<rating::catalog const>> catalogs_;
    std::size_t catalog_ = 0;
    std::shared_ptr<ingest::source_table const> sources_;
    std::vector<sent_record> records_;
    std::map<std::string, std::size_t> index_of_; ///< of a record, by its body
    std::set<std::size_t> lost_; ///< records that a failover has taken out of the database
    std::set<std::pair<std::uint64_t, std::uint64_t>> named_gaps_; ///< numbers, of any stream
    process daemon_process_;
    process import_process_;
    process rival_process_;
    std::string file_; ///< what the import reads; empty: not written yet
    std::vector<std::size_t> in_file_;
    bool has_import_ = false;
    bool is_imported_ = false;
    std::unique_ptr<daemon_run> daemon_;
    std::unique_ptr<import_run> import_;
    std::unique_ptr<rival_run> rival_;
};

/// What the product's switches answer (ingest/base/reversal.hpp).
void reverse(reversal protection) noexcept;
/// Random numbers for ids, from the seed.
void seed_ids(std::uint64_t seed) noexcept;

} // namespace tally::simulation
