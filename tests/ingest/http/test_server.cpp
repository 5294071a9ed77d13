#include "tests/ingest/http/test_server.hpp"

#include "tests/ingest/http/test_client.hpp"

#include <stdexcept>
#include <thread>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

namespace tally::tests {

void recording_observer::answered(std::string_view endpoint, unsigned status) noexcept {
    std::lock_guard const lock{mutex_};
    answers_.emplace_back(endpoint, status);
}

void recording_observer::counted(ingest::push_counts const& counts) noexcept {
    std::lock_guard const lock{mutex_};
    kinds_.emplace_back(counts.kind);
    sums_.received += counts.received;
    sums_.accepted += counts.accepted;
    for (std::uint32_t const count : counts.rejected)
        sums_.rejected += count;
}

void recording_observer::acknowledged(double) noexcept {
    std::lock_guard const lock{mutex_};
    ++sums_.acknowledged;
}

void recording_observer::warning(std::string_view) noexcept {}

std::vector<std::pair<std::string, unsigned>> recording_observer::answers() const {
    std::lock_guard const lock{mutex_};
    return answers_;
}

recording_observer::totals recording_observer::sums() const {
    std::lock_guard const lock{mutex_};
    return sums_;
}

std::vector<std::string> recording_observer::kinds() const {
    std::lock_guard const lock{mutex_};
    return kinds_;
}

struct http_test_server::impl {
    boost::asio::io_context context;
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{
        context.get_executor()};
    std::unique_ptr<ingest::connection_server> server;
    std::vector<std::jthread> threads;
};

http_test_server::http_test_server(ingest::http_handler& handler,
                                   ingest::http_server_settings settings)
    : impl_(std::make_unique<impl>()) {
    if (settings.listen == ingest::http_server_settings{}.listen)
        settings.listen = "127.0.0.1:0";
    impl_->server =
        ingest::make_http_server(impl_->context, handler, observer, std::move(settings));
    if (std::string const wrong = impl_->server->start(); !wrong.empty())
        throw std::runtime_error(wrong);
    for (int i = 0; i < 2; ++i)
        impl_->threads.emplace_back([this] { impl_->context.run(); });
}

http_test_server::~http_test_server() {
    impl_->server->drain(std::chrono::milliseconds{0});
    impl_->work.reset();
    // Without stop(): work that the server has left would make this wait.
    for (std::jthread& thread : impl_->threads)
        thread.join();
}

std::uint16_t http_test_server::port() const {
    return impl_->server->port();
}
ingest::connection_server& http_test_server::server() {
    return *impl_->server;
}

bool eventually(std::function<bool()> const& condition) {
    auto const end = std::chrono::steady_clock::now() + http_test_client::patience;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > end)
            return false;
        std::this_thread::sleep_for(std::chrono::milliseconds{2});
    }
    return true;
}

} // namespace tally::tests
