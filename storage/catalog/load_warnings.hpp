#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace tally::storage {

/// What a loader left out and why, for the log. A million bad rows must not make a million lines:
/// the first ones are kept, all are counted.
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
