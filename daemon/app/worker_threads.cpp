#include "daemon/app/worker_threads.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <thread>
#include <vector>

namespace tally::daemon {

namespace {

/// How often a free thread gives a sign of life.
constexpr std::chrono::seconds beat_every{1};

} // namespace

struct worker_threads::impl {
    explicit impl(failure_report& report) : failures{report} {}

    failure_report& failures;
    heartbeat pulse{"HTTP workers"};
    boost::asio::io_context context;
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{
        context.get_executor()};
    boost::asio::steady_timer timer{context};
    std::vector<std::thread> threads;

    void beat() {
        // Runs on whichever worker is free: when all of them hang, the sign of life stays out (R4).
        pulse.work();
        timer.expires_after(beat_every);
        timer.async_wait([this](boost::system::error_code const& error) {
            if (!error) {
                beat();
            }
        });
    }

    void run() noexcept {
        while (!context.stopped()) {
            try {
                context.run();
            } catch (std::exception const& error) {
                // Sessions handle their own failures, so this is a bug or a lack of memory. It ends
                // context.run(), not the thread: other sessions are served until the daemon ends.
                failures.report("http_worker", error.what());
            }
        }
    }
};

worker_threads::worker_threads(failure_report& failures)
    : impl_{std::make_unique<impl>(failures)} {}

worker_threads::~worker_threads() {
    stop();
}

boost::asio::io_context& worker_threads::context() noexcept {
    return impl_->context;
}

heartbeat const& worker_threads::pulse() const noexcept {
    return impl_->pulse;
}

void worker_threads::start(std::size_t threads) {
    // Before the threads exist, so nothing else touches the timer.
    impl_->beat();
    for (std::size_t i = 0; i < threads; ++i) {
        impl_->threads.emplace_back([this] { impl_->run(); });
    }
}

void worker_threads::stop() noexcept {
    // Without the guard the context may run out of work. stop() drops what is still queued.
    impl_->work.reset();
    impl_->context.stop();
    for (auto& thread : impl_->threads) {
        thread.join();
    }
    impl_->threads.clear();

    // Ended on purpose, so not a part that stands still.
    impl_->pulse.rest();
}

} // namespace tally::daemon
