#include "daemon/app/worker_threads.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <spdlog/spdlog.h>

#include <thread>
#include <vector>

namespace tally::daemon {

struct worker_threads::impl {
    boost::asio::io_context context;
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{
        context.get_executor()};
    std::vector<std::thread> threads;

    void run() noexcept {
        while (!context.stopped()) {
            try {
                context.run();
            } catch (std::exception const& error) {
                // Sessions handle their own failures, so an exception here is unexpected. It ends
                // context.run(), not the thread: the loop serves the other sessions further.
                spdlog::error("event=worker_exception error=\"{}\"", error.what());
            }
        }
    }
};

worker_threads::worker_threads() : impl_{std::make_unique<impl>()} {}

worker_threads::~worker_threads() {
    stop();
}

boost::asio::io_context& worker_threads::context() noexcept {
    return impl_->context;
}

void worker_threads::start(std::size_t threads) {
    for (std::size_t i = 0; i < threads; ++i) {
        impl_->threads.emplace_back([this] { impl_->run(); });
    }
}

void worker_threads::stop() noexcept {
    impl_->work.reset();
    impl_->context.stop();
    for (auto& thread : impl_->threads) {
        thread.join();
    }
    impl_->threads.clear();
}

} // namespace tally::daemon
