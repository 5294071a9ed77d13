#pragma once

#include "ingest/http/handler.hpp"

#include <atomic>
#include <cstddef>
#include <mutex>
#include <string>
#include <vector>

namespace tally::tests {

/// Echoes bodies. The path decides how: /echo at once, /hold when release_all() is called, /never
/// not at all, /throw with an exception, /direct without a body, /refuse before the body is read,
/// anything else 404. A body may have at most `body_bytes_max` bytes.
class echo_handler final : public ingest::http_handler {
  public:
    static constexpr std::size_t body_bytes_max = 1024 * 1024;

    [[nodiscard]] ingest::http_step begin(ingest::http_head const& head) override;

    /// Responds to everything held; on the caller's thread.
    void release_all();
    [[nodiscard]] std::size_t held() const;
    /// Number of exchanges that are not destroyed yet.
    [[nodiscard]] int alive() const { return alive_; }
    [[nodiscard]] int bodies() const { return bodies_; }

  private:
    class exchange;
    mutable std::mutex mutex_;
    std::vector<std::pair<ingest::http_reply, std::string>> held_;
    std::atomic<int> alive_{0};
    std::atomic<int> bodies_{0}; ///< bodies that arrived completely
};

} // namespace tally::tests
