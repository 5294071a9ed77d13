#include "storage/effects/effect_store.hpp"

#include "storage/effects/effect_queue.hpp"

#include <utility>

namespace tally::storage {

namespace {

class connected_effects final : public effect_store {
  public:
    connected_effects(std::string connection_string, std::string purpose)
        : connection_{std::move(connection_string), std::move(purpose), {}, effect_limits()} {}

    result apply_next(effect_counts& out) override { return queue_.apply_next(out); }
    result waiting(waiting_effects& out) override { return queue_.waiting(out); }
    void cancel() noexcept override { connection_.cancel(); }
    [[nodiscard]] bool is_cancelled() const noexcept override { return connection_.is_cancelled(); }

  private:
    pq_connection connection_;
    effect_queue queue_{connection_};
};

} // namespace

std::unique_ptr<effect_store> connect_effects(std::string connection_string, std::string purpose) {
    return std::make_unique<connected_effects>(std::move(connection_string), std::move(purpose));
}

} // namespace tally::storage
