#pragma once

#include "storage/catalog/loader.hpp"
#include "storage/catalog/source_loader.hpp"
#include "storage/postgres/result.hpp"

#include <memory>
#include <string>

namespace tally::daemon {

/// What one load reads: sources and the catalog.
struct loaded_data {
    storage::loaded_sources sources;
    storage::loaded_catalog catalog;
};

/// The database as the catalog watch sees it. Failures are results. One thread, except cancel().
class catalog_database {
  public:
    catalog_database() = default;
    catalog_database(catalog_database const&) = delete;
    catalog_database& operator=(catalog_database const&) = delete;
    virtual ~catalog_database() = default;

    /// Waits for a change or the timeout; true: something has changed. That is also the answer
    /// after each new connection, so a caller that loads after each `true` misses no change.
    virtual storage::expected<bool> wait_for_change(int timeout_ms) = 0;
    /// Reads all sources and the whole catalog, sources first.
    virtual storage::expected<loaded_data> load() = 0;

    /// Any thread: ends a request and makes all later ones fail.
    virtual void cancel() noexcept = 0;
};

/// Two connections to this PostgreSQL: one listens, the other one is open only while it loads.
std::unique_ptr<catalog_database> catalog_database_at(std::string const& connection_string);

} // namespace tally::daemon
