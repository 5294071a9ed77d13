#pragma once

#include "ingest/compression/content_coding.hpp"
#include "ingest/http/handler.hpp"
#include "ingest/push/cloudevents_binary.hpp"
#include "ingest/push/response.hpp"
#include "ingest/record/push_observer.hpp"
#include "ingest/record/record_sink.hpp"

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace tally::ingest {

/// Credit granted by a sink: returned by the destructor, unless a block took it over.
class sink_credit {
  public:
    explicit sink_credit(record_sink& sink) noexcept : sink_(sink) {}
    ~sink_credit() {
        if (bytes_ != 0) {
            sink_.release(bytes_);
        }
    }
    sink_credit(sink_credit const&) = delete;
    sink_credit& operator=(sink_credit const&) = delete;

    [[nodiscard]] push_status ask(std::size_t bytes) noexcept {
        push_status const status = sink_.admit(bytes);
        if (status == push_status::pushed) {
            bytes_ += bytes;
        }
        return status;
    }
    [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }
    void handed_over() noexcept { bytes_ = 0; }

  private:
    record_sink& sink_;
    std::size_t bytes_ = 0;
};

/// What is known of a push from its head, once it was accepted.
struct push_order {
    std::shared_ptr<source const> sender;
    format const* in_format = nullptr;
    content_coding coding = content_coding::identity;
    bool wait_for_commit = false; ///< ?ack=commit
    std::size_t body_bytes_max = 0;
    std::optional<binary_event> event; ///< the body is the data of this one
    std::string content_type;
    std::string query;
    std::string_view endpoint;
    std::chrono::steady_clock::time_point started = std::chrono::steady_clock::now();
};

/// One push: decodes its body into a block, hands the block to the sink, and responds when it is
/// done.
class push_exchange final : public http_exchange {
  public:
    push_exchange(record_sink& sink, push_observer& observer, push_order order);

    [[nodiscard]] std::optional<http_response> admit(std::size_t bytes) override;
    void finish(std::string body, http_reply reply) override;
    [[nodiscard]] http_response timed_out() const override;

  private:
    [[nodiscard]] bool from_switch() const noexcept;
    std::optional<http_response> fill(record_block& block, std::string body);
    std::optional<http_response> decode(record_batch& batch);
    std::optional<http_response> expand_body(record_block& block, std::string& body);
    std::optional<http_response> structure_body(std::string& body);
    std::optional<http_response> take_unreadable(record_batch& batch, record_error error,
                                                 std::string_view detail);
    void hand_over(std::unique_ptr<record_block> block, push_summary summary,
                   http_reply const& reply);
    [[nodiscard]] http_response refused(push_status status) const;
    [[nodiscard]] http_response too_large() const;
    /// `response` with the route's name, for the metrics.
    [[nodiscard]] http_response named(http_response response) const;

    record_sink& sink_;
    push_observer& observer_;
    push_order order_;
    sink_credit credit_;
    std::shared_ptr<commit_wait> waits_; ///< set at hand-over, if the sender waits for COMMIT
    std::size_t body_bytes_ = 0;         ///< admitted so far, as sent
};

} // namespace tally::ingest
