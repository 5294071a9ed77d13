#pragma once

#include "storage/lane/position_store.hpp"
#include "storage/postgres/pq_connection.hpp"

namespace tally::storage {

/// position_store in PostgreSQL (ingest.positions, ingest.payer_decisions), on a connection of its
/// own.
class stored_positions final : public position_store {
  public:
    stored_positions(std::string connection_string, std::string purpose);

    expected<std::uint64_t> load(std::string_view stream) override;
    result move(position_move const& wanted, position_found& out) override;
    expected<bool> has_ends(std::span<stream_end const> ends) override;
    result forget(std::string_view stream) override;
    result keep_decisions(std::string_view stream, std::span<decided_range const> decided,
                          chain_link const& link) override;
    result load_decisions(std::string_view stream, std::uint64_t position,
                          std::vector<decided_range>& out) override;

    /// Any thread: aborts a running request and refuses all later ones.
    void cancel() noexcept { connection_.cancel(); }

  private:
    pq_connection connection_;
};

} // namespace tally::storage
