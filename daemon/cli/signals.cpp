#include "daemon/cli/signals.hpp"

namespace tally::daemon {

signals::signals() {
    sigemptyset(&set_);
    for (int const signal : {SIGTERM, SIGINT, SIGHUP}) {
        sigaddset(&set_, signal);
    }

    // Blocked, so that they wait for sigtimedwait(): no code runs inside a signal handler.
    pthread_sigmask(SIG_BLOCK, &set_, nullptr);
    // A write to a connection that the peer has closed returns EPIPE instead of ending the process.
    std::signal(SIGPIPE, SIG_IGN);
}

std::optional<int> signals::wait(std::chrono::milliseconds limit) const {
    timespec const time{limit.count() / 1000, (limit.count() % 1000) * 1'000'000};
    int const signal = sigtimedwait(&set_, nullptr, &time);
    return signal < 0 ? std::nullopt : std::optional{signal};
}

} // namespace tally::daemon
