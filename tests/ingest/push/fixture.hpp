#pragma once

#include "ingest/push/handler.hpp"
#include "tests/ingest/http/test_server.hpp"
#include "tests/ingest/push/test_sink.hpp"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace tally::tests {

/// A push handler with a sink and no socket.
struct push_fixture : testing::Test {
    using fields = std::multimap<std::string, std::string>;

    struct request {
        std::string method = "POST";
        std::string path = "/v1/cdrs";
        std::string query = {};
        fields with = {};
        bool from_loopback = true;
    };

    /// Calls the handler like the server does.
    void send(request const& asked, std::string body);
    ingest::http_step begin(request const& asked, std::size_t body_bytes);

    [[nodiscard]] unsigned status() const { return *response ? (*response)->status : 0; }
    [[nodiscard]] std::string body() const { return *response ? (*response)->body : ""; }
    [[nodiscard]] std::string field(std::string_view name) const;
    void expect_problem(unsigned wanted, std::string_view part_of_detail) const;

    push_test_sink sink;
    recording_observer observer;
    ingest::push_settings settings; ///< used from the first send() on
    std::unique_ptr<ingest::push_handler> handler;
    /// The response to the last request.
    std::shared_ptr<std::optional<ingest::http_response>> response;
    std::unique_ptr<ingest::http_exchange> exchange;
};

} // namespace tally::tests
