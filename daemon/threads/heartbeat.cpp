#include "daemon/threads/heartbeat.hpp"

namespace tally::daemon {

namespace {

// The state in the lowest two bits of the time in nanoseconds: both change at once.
constexpr std::int64_t state_mask = 3;

heartbeat::clock::duration time_since(heartbeat::clock::time_point then,
                                      heartbeat::clock::time_point now) noexcept {
    return then < now ? now - then : heartbeat::clock::duration::zero();
}

} // namespace

std::string_view name_of(part_state state) noexcept {
    switch (state) {
    case part_state::resting:
        return "resting";
    case part_state::working:
        return "working";
    case part_state::waiting_for_database:
    case part_state::awaiting_answer:
        return "waiting_for_database";
    case part_state::refused_by_database:
        break;
    }
    return "refused_by_database";
}

heartbeat::clock::duration heartbeat::reading::standing() const noexcept {
    bool const hangs = state == part_state::awaiting_answer && time > answer_max;
    bool const has_work =
        hangs || state == part_state::working || state == part_state::refused_by_database;
    return has_work ? time : clock::duration::zero();
}

void heartbeat::refused(std::string_view request, std::string detail, clock::time_point now) {
    std::lock_guard const lock{mutex_};
    request_ = request;
    detail_ = std::move(detail);
    if (refused_since_.load(std::memory_order_relaxed) == 0) {
        refused_since_.store(now.time_since_epoch().count(), std::memory_order_relaxed);
    }
}

void heartbeat::answered(std::string_view request) noexcept {
    if (refused_since_.load(std::memory_order_relaxed) != 0 && request == request_) {
        get_further();
    }
}

heartbeat::reading heartbeat::read(clock::time_point now) const noexcept {
    if (auto const since = refused_since_.load(std::memory_order_relaxed); since != 0) {
        return {part_state::refused_by_database,
                time_since(clock::time_point{clock::duration{since}}, now)};
    }
    auto const packed = packed_.load(std::memory_order_relaxed);
    clock::time_point const since{clock::duration{packed & ~state_mask}};
    return {static_cast<part_state>(packed & state_mask), time_since(since, now)};
}

std::string heartbeat::detail() const {
    std::lock_guard const lock{mutex_};
    return detail_;
}

void heartbeat::set(part_state state, clock::time_point now) noexcept {
    std::int64_t const since = now.time_since_epoch().count();
    packed_.store((since & ~state_mask) | static_cast<std::int64_t>(state),
                  std::memory_order_relaxed);
}

} // namespace tally::daemon
