#pragma once

#include "storage/batch/batch_writer.hpp"
#include "storage/lane/stored_positions.hpp"

#include <array>
#include <atomic>
#include <memory>
#include <string>
#include <vector>

namespace tally::simulation {

/// A private PostgreSQL with a small telecom, and the connections that the pipeline has: two lanes'
/// and a keeper's. It lives as long as the program; each sequence of requests has keys of its own
/// in it.
class real_server {
  public:
    static constexpr int accounts = 4;
    static constexpr int lanes = 2;

    real_server();

    /// Ends the session of a lane (or of the keeper, after the lanes) and waits until it is gone.
    void end_session(int connection) const;
    /// Waits until this lane waits for a lock, or `is_over`.
    void wait_until_blocked(int lane, std::atomic<bool> const& is_over) const;

    std::string database;
    std::array<std::unique_ptr<storage::batch_writer>, lanes> stores;
    std::unique_ptr<storage::stored_positions> positions;
    std::array<ingest::uuid, accounts> account_ids;
    std::array<ingest::uuid, accounts> subscription_ids;
};

} // namespace tally::simulation
