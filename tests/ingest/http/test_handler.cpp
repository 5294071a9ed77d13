#include "tests/ingest/http/test_handler.hpp"

#include "ingest/http/problem.hpp"

#include <stdexcept>

namespace tally::tests {

namespace {

ingest::http_response text_answer(std::string body) {
    ingest::http_response response;
    response.content_type = "text/plain";
    response.body = std::move(body);
    response.endpoint = "echo";
    return response;
}

} // namespace

class echo_handler::exchange final : public ingest::http_exchange {
  public:
    exchange(echo_handler& owner, ingest::http_head const& head) : owner_(owner), path_(head.path) {
        ++owner_.alive_;
    }
    ~exchange() override { --owner_.alive_; }

    std::optional<ingest::http_response> admit(std::size_t bytes) override {
        if (path_ == "/refuse")
            return ingest::unavailable("full", 7);
        admitted_ += bytes;
        if (admitted_ > body_bytes_max)
            return ingest::problem(413, "too large");
        return std::nullopt;
    }

    void finish(std::string body, ingest::http_reply reply) override {
        ++owner_.bodies_;
        if (path_ == "/throw")
            throw std::runtime_error("the handler failed");
        if (path_ == "/hold" || path_ == "/never") {
            std::lock_guard const lock{owner_.mutex_};
            owner_.held_.emplace_back(std::move(reply), std::move(body));
            return;
        }
        reply(text_answer(body));
        reply(text_answer("a second reply is ignored"));
    }

    [[nodiscard]] ingest::http_response timed_out() const override {
        return ingest::unavailable("not in time", 3);
    }

  private:
    echo_handler& owner_;
    std::string path_;
    std::size_t admitted_ = 0;
};

ingest::http_step echo_handler::begin(ingest::http_head const& head) {
    if (head.path == "/direct")
        return text_answer(std::string{head.method} + ' ' + std::string{head.query} + ' ' +
                           (head.from_loopback ? "near" : "far") + ' ' +
                           std::string{head.field("x-test")});
    if (head.path == "/begin-throws")
        throw std::runtime_error("begin failed");
    for (std::string_view const path : {"/echo", "/hold", "/never", "/throw", "/refuse"}) {
        if (head.path == path)
            return std::make_unique<exchange>(*this, head);
    }
    return ingest::problem(404, "nothing here");
}

void echo_handler::release_all() {
    std::vector<std::pair<ingest::http_reply, std::string>> held;
    {
        std::lock_guard const lock{mutex_};
        held.swap(held_);
    }
    for (auto& [reply, body] : held)
        reply(text_answer(std::move(body)));
}

std::size_t echo_handler::held() const {
    std::lock_guard const lock{mutex_};
    return held_.size();
}

} // namespace tally::tests
