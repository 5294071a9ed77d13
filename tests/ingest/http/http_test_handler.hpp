#pragma once

#include "ingest/http/http_handler.hpp"

#include <atomic>
#include <cstddef>
#include <mutex>
#include <string>
#include <vector>

namespace tally::tests {

/// Echoes bodies. Paths say how: /echo at once, /hold when release_all() is called, /never not at
/// all, /throw with an exception, /direct without a body, /refuse before the body is read, and
/// anything else 404. No body may have more than `body_bytes_max`.
class echo_handler final : public ingest::http_handler {
  public:
    static constexpr std::size_t body_bytes_max = 1024 * 1024;

    [[nodiscard]] ingest::http_step begin(ingest::http_head const& head) override;

    /// Answers everything held; from the caller's thread.
    void release_all();
    [[nodiscard]] std::size_t held() const;
    /// Exchanges that are not destroyed yet.
    [[nodiscard]] int alive() const { return alive_; }
    [[nodiscard]] int bodies() const { return bodies_; }

  private:
    class exchange;
    mutable std::mutex mutex_;
    std::vector<std::pair<ingest::http_reply, std::string>> held_;
    std::atomic<int> alive_{0};
    std::atomic<int> bodies_{0}; ///< bodies that came whole
};

} // namespace tally::tests
