#include "tests/ingest/push/fixture.hpp"

#include <simdjson.h>

namespace tally::tests {

using ingest::http_response;

void push_fixture::send(request const& asked, std::string body) {
    if (!handler)
        handler =
            std::make_unique<ingest::push_handler>(sink, observer, settings, push_test_formats());
    response = std::make_shared<std::optional<http_response>>();
    ingest::http_step step = begin(asked, body.size());
    if (auto* refusal = std::get_if<http_response>(&step)) {
        *response = std::move(*refusal);
        return;
    }
    exchange = std::get<std::unique_ptr<ingest::http_exchange>>(std::move(step));
    if (auto refusal = exchange->admit(body.size()))
        *response = std::move(*refusal);
    else
        exchange->finish(std::move(body), [answer = response](http_response came) {
            if (!*answer)
                *answer = std::move(came);
        });
    if (*response)
        exchange.reset();
}

ingest::http_step push_fixture::begin(request const& asked, std::size_t body_bytes) {
    std::vector<ingest::http_field> list;
    for (auto const& [name, value] : asked.with)
        list.push_back({name, value});
    ingest::http_head const head{asked.method, asked.path, asked.query,
                                 list,         body_bytes, asked.from_loopback};
    return handler->begin(head);
}

std::string push_fixture::field(std::string_view name) const {
    for (auto const& [known, value] : (*response)->fields)
        if (known == name)
            return value;
    return {};
}

void push_fixture::expect_problem(unsigned wanted, std::string_view part_of_detail) const {
    EXPECT_EQ(status(), wanted) << body();
    EXPECT_EQ((*response)->content_type, "application/problem+json");
    simdjson::dom::parser parser;
    simdjson::dom::object object;
    ASSERT_FALSE(parser.parse(body()).get(object)) << body();
    EXPECT_EQ(std::uint64_t{object["status"]}, wanted);
    EXPECT_EQ(std::string_view{object["type"]}, "about:blank");
    EXPECT_NE(std::string_view{object["detail"]}.find(part_of_detail), std::string_view::npos)
        << body();
    EXPECT_EQ(sink.bytes_held(), 0u) << "credit is lost";
}

} // namespace tally::tests
