#pragma once

#include "ingest/formats/formats.hpp"
#include "ingest/http/handler.hpp"
#include "ingest/record/push_observer.hpp"
#include "ingest/record/record_sink.hpp"

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace tally::ingest {

struct push_settings {
    /// Limit of a body, as sent and as expanded; a source's own limit applies if it is lower.
    std::size_t body_bytes_max = 16 * 1024 * 1024;
};

/// POST to the paths of the formats (/v1/cdrs, /v1/cdrs/{format}, /v1/events): decides who may
/// push, reads the body and responds. Sees no socket: the HTTP server delivers the requests.
///
///     begin   route → source of the token → format allowed → content type → credit of the sink
///     finish  expand → decode → push the block ─ … on disk … ─→ on_done → 202 or 422
///                                              └ with ack=commit: … lanes commit … ─→ 200
///
/// Any thread, several at once. Must outlive every exchange and every block that was made by one.
class push_handler final : public http_handler {
  public:
    /// `formats` outlives the handler.
    push_handler(record_sink& sink, push_observer& observer, push_settings settings,
                 std::span<format const> formats = ingest::formats());

    [[nodiscard]] http_step begin(http_head const& head) override;

  private:
    struct route {
        format const* in_format;
        std::string_view endpoint; ///< its path, also the label in the request metric
    };
    [[nodiscard]] http_step begin_at(route const& endpoint, http_head const& head);
    [[nodiscard]] http_step begin_push(route const& endpoint, http_head const& head,
                                       std::shared_ptr<source const> sender);
    [[nodiscard]] route const* find_route(std::string_view path) const noexcept;
    [[nodiscard]] http_response no_such_route(std::string_view path) const;

    record_sink& sink_;
    push_observer& observer_;
    push_settings settings_;
    std::vector<route> routes_;
};

} // namespace tally::ingest
