#pragma once

#include "daemon/pipeline/pipeline.hpp"
#include "storage/admin/imports.hpp"
#include "storage/catalog/loader.hpp"
#include "storage/catalog/source_loader.hpp"
#include "storage/lane/position_store.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace tally::daemon {

/// The database as an import sees it. A request that fails throws storage::database_error, unless
/// it returns a result. One thread; what it connects is used by other threads.
class import_database {
  public:
    import_database() = default;
    import_database(import_database const&) = delete;
    import_database& operator=(import_database const&) = delete;
    virtual ~import_database() = default;

    virtual storage::loaded_sources sources() = 0;
    virtual storage::loaded_catalog catalog() = 0;

    // The row of a file in ingest.imports, see storage/admin/imports.hpp.
    virtual std::optional<storage::import_row> find(storage::import_file const& file) = 0;
    virtual storage::import_row begin(storage::import_file const& file) = 0;
    virtual void update(ingest::uuid const& id, storage::import_counts const& counts) = 0;
    virtual void finish(ingest::uuid const& id, storage::import_state state,
                        storage::import_counts const& counts, std::string const& failure) = 0;
    /// What all runs of an import have stored, from its batches.
    virtual storage::import_counts stored(ingest::uuid const& id) = 0;

    /// Applies the effects that wait, until `is_stopping`.
    virtual storage::result apply_effects(std::function<bool()> const& is_stopping) = 0;

    /// Each lane has a connection of its own, and so has a dry run, which only reads.
    virtual batch_store_maker connect_lanes() = 0;
    virtual std::unique_ptr<storage::batch_store> connect_reader() = 0;
    virtual std::unique_ptr<storage::position_store>
    connect_positions(std::string const& purpose) = 0;
};

/// PostgreSQL, over one connection, which the first request opens. Its requests throw
/// storage::database_error.
std::unique_ptr<import_database> import_database_at(std::string const& connection_string,
                                                    storage::partition_policy const& partitions);

} // namespace tally::daemon
