#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace tally::storage {

/// The rows that a loader left out, with reasons, for the log. All are counted; only the first
/// kept_max texts are kept, so that a million bad rows do not make a million lines.
class load_warnings {
  public:
    static constexpr std::size_t kept_max = 100;

    void add(std::string text) {
        ++count_;
        if (texts_.size() < kept_max) {
            texts_.push_back(std::move(text));
        }
    }
    [[nodiscard]] std::size_t count() const noexcept { return count_; }
    [[nodiscard]] std::vector<std::string> const& texts() const noexcept { return texts_; }

  private:
    std::size_t count_ = 0;
    std::vector<std::string> texts_;
};

} // namespace tally::storage
