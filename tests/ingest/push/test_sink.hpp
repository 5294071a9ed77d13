#pragma once

#include "ingest/record/record_sink.hpp"

#include <cstddef>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

namespace tally::tests {

/// A block that a sink accepted, in a form that tests compare.
struct taken_block {
    std::string source;
    std::string format;
    std::size_t good = 0; ///< calls or events
    std::vector<std::string> rejected_raw;
    bool suspend_rejected = false;

    friend bool operator==(taken_block const&, taken_block const&) = default;
};

/// A correct sink with credit: accepts blocks while there is room and finishes them on request, on
/// the calling thread. As in the daemon, a finished block returns its credit.
class push_test_sink final : public ingest::record_sink {
  public:
    enum class finishing {
        at_once,  ///< within push()
        on_order, ///< by finish_all()
    };

    explicit push_test_sink(std::vector<ingest::source> sources = {{}});
    ~push_test_sink() override;

    [[nodiscard]] ingest::push_status admit(std::size_t bytes) noexcept override;
    void release(std::size_t bytes) noexcept override;
    [[nodiscard]] ingest::push_status push(std::unique_ptr<ingest::record_block>& block) override;
    [[nodiscard]] std::shared_ptr<ingest::source_table const> sources() const override;

    /// Calls on_done of every block in flight. `duplicates` of a block's valid records are
    /// duplicates, the others are committed; rejected ones that go to suspense are suspended.
    void finish_all(bool durable = true, std::uint32_t duplicates = 0);
    [[nodiscard]] std::size_t under_way() const;
    [[nodiscard]] std::size_t bytes_held() const;
    [[nodiscard]] std::size_t bytes_held_max() const;
    [[nodiscard]] std::vector<taken_block> taken() const;
    /// The block that was pushed last, while it is in flight.
    [[nodiscard]] ingest::record_block const& last() const;

    finishing options = finishing::at_once;
    std::size_t bytes_max = 64 * 1024 * 1024;
    bool is_closed = false;      ///< for admit and push
    bool closes_on_push = false; ///< admits, but accepts no block
    bool has_sources = true;

  private:
    static ingest::block_outcome outcome_of(ingest::record_block const& block, bool durable,
                                            std::uint32_t duplicates);

    std::shared_ptr<ingest::source_table const> sources_;
    mutable std::mutex mutex_; ///< guards the members below
    std::size_t bytes_held_ = 0;
    std::size_t bytes_held_max_ = 0;
    std::vector<std::unique_ptr<ingest::record_block>> under_way_;
    std::vector<taken_block> taken_;
};

/// Formats of lines: "ok", "bad <detail>", "later" (an unknown type), "skip"; a body that begins
/// with '!' cannot be read. "canonical" is sent by applications, "cloudevents" too, with events;
/// "switch" by a switch; "files" is not accepted by push.
std::span<ingest::format const> push_test_formats() noexcept;

/// A source with a token.
ingest::source source_with_token(std::string name, std::string_view token);

} // namespace tally::tests
