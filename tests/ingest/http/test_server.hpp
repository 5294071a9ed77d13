#pragma once

#include "ingest/http/server.hpp"
#include "ingest/record/push_observer.hpp"

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace tally::tests {

/// Records its calls.
class recording_observer final : public ingest::push_observer, public ingest::connection_observer {
  public:
    void answered(std::string_view endpoint, unsigned status) noexcept override;
    void counted(ingest::push_counts const& counts) noexcept override;
    void acknowledged(double seconds) noexcept override;
    void warning(std::string_view text) noexcept override;

    [[nodiscard]] std::vector<std::pair<std::string, unsigned>> answers() const;
    /// Sums of counted().
    struct totals {
        std::uint64_t received = 0;
        std::uint64_t accepted = 0;
        std::uint64_t rejected = 0;
        std::uint64_t acknowledged = 0;
        friend bool operator==(totals const&, totals const&) = default;
    };
    [[nodiscard]] totals sums() const;
    /// Of each counted().
    [[nodiscard]] std::vector<std::string> kinds() const;

  private:
    mutable std::mutex mutex_;
    std::vector<std::pair<std::string, unsigned>> answers_;
    totals sums_;
    std::vector<std::string> kinds_;
};

/// An HTTP server on a free loopback port with two threads of its own; stopped properly.
class http_test_server {
  public:
    explicit http_test_server(ingest::http_handler& handler,
                              ingest::http_server_settings settings = {});
    ~http_test_server();
    http_test_server(http_test_server const&) = delete;
    http_test_server& operator=(http_test_server const&) = delete;

    [[nodiscard]] std::uint16_t port() const;
    [[nodiscard]] ingest::connection_server& server();
    recording_observer observer;

  private:
    struct impl;
    std::unique_ptr<impl> impl_;
};

/// Waits until `condition` holds; false if it does not within the client's patience.
bool eventually(std::function<bool()> const& condition);

} // namespace tally::tests
