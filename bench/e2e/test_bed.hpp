#pragma once

#include "bench/e2e/database_link.hpp"
#include "bench/e2e/tallyd_process.hpp"
#include "bench/support/sample_calls.hpp"
#include "bench/support/sample_catalog.hpp"
#include "storage/embedded/postgres.hpp"

#include <cstdint>
#include <filesystem>
#include <string>

namespace tally::bench {

struct bed_options {
    std::filesystem::path work_folder; ///< used only by this bed; its creator keeps or removes it
    std::filesystem::path tallyd;
    sample_catalog_size catalog;
    sample_calls_size calls;
    int runs = 3;
};

/// A private server with tallyd's own settings, a database with the sample catalog, and the sample
/// calls as a file. The daemon and plain COPY are both measured on it.
class test_bed {
  public:
    explicit test_bed(bed_options options);

    /// Creates a fresh copy of the database, with the catalog and without calls.
    void renew_database();
    /// Prepares a measurement: writes everything to disk.
    void checkpoint();

    [[nodiscard]] bed_options const& options() const noexcept { return options_; }
    [[nodiscard]] std::string connection_string() const;
    [[nodiscard]] std::filesystem::path const& calls_file() const noexcept { return calls_file_; }
    [[nodiscard]] pid_t server_pid() const noexcept { return server_.server_pid(); }
    [[nodiscard]] std::string server_version();
    /// Bytes of write-ahead log written so far.
    [[nodiscard]] std::int64_t wal_bytes();
    [[nodiscard]] tallyd_process::order order(std::vector<std::string> arguments) const;

  private:
    void make_catalog_database();
    void write_calls();

    bed_options options_;
    sample_catalog catalog_;
    std::filesystem::path calls_file_;
    storage::embedded_postgres server_;
};

} // namespace tally::bench
