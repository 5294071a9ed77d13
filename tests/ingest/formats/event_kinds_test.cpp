#include "ingest/formats/event_kinds.hpp"

#include "tests/ingest/formats/decoder_helpers.hpp"

#include <gtest/gtest.h>

// The data of each type of event: how it is read, and what is rejected.

namespace tally::tests {
namespace {

using namespace ingest;
using texts = std::vector<std::string>;

constexpr std::string_view user = "3f2a1b0c-7d6e-4a5b-9c8d-112233445566";

struct bad_data {
    std::string type;
    std::string data;
    std::string fault;
    std::string subject = "\"SUB-7\"";
};

texts faults_of(bad_data const& data) {
    return faults(
        *decode("cloudevents", cloudevent(data.type, data.data, {{"subject", data.subject}})));
}

/// An event, and the batch that owns its text.
struct read_event {
    std::unique_ptr<record_batch> batch;
    event const& operator*() const { return batch->events.at(0); }
    event const* operator->() const { return &batch->events.at(0); }
};

read_event read(std::string_view type, std::string_view data,
                std::string const& subject = "\"SUB-7\"") {
    auto batch = decode("cloudevents", cloudevent(type, data, {{"subject", subject}}));
    EXPECT_EQ(faults(*batch), texts{}) << type << " " << data;
    return {std::move(batch)};
}

template <typename Data>
Data const& data_of(read_event const& record) {
    return std::get<Data>(record->event_data);
}

TEST(event_kinds, reads_usage) {
    auto const one = read(
        "usage",
        R"({"metric":"data_mb","quantity":"1536.000000001","cell":7,"account_number":"ACC-1"})");
    EXPECT_EQ(data_of<usage_data>(one).metric, "data_mb");
    EXPECT_TRUE(data_of<usage_data>(one).quantity_nanos == int128{1'536'000'000'001});
    EXPECT_EQ(one->account_number, "ACC-1");
    EXPECT_EQ(one->properties, R"({"cell":7})");
    EXPECT_TRUE(data_of<usage_data>(read("usage", R"({"metric":"sms"})")).quantity_nanos ==
                int128{1'000'000'000});
    EXPECT_TRUE(data_of<usage_data>(read("usage", R"({"metric":"sms","quantity":-2.5e0})"))
                    .quantity_nanos == int128{-2'500'000'000});
}

TEST(event_kinds, reads_whom_a_subject_names) {
    constexpr std::string_view sms = R"({"metric":"sms"})";
    EXPECT_EQ(read("usage", sms, "\"subscription:S 1\"")->subscription_number, "S 1");
    EXPECT_EQ(read("usage", sms, "\"account:A\"")->account_number, "A");
    EXPECT_EQ(read("usage", sms, "\"user:" + std::string{user} + "\"")->user_id, *parse_uuid(user));
    EXPECT_EQ(read("usage", sms, "\"S-1\"")->subscription_number, "");
    EXPECT_EQ(read("feature.used", R"({"feature":"f"})", "\"" + std::string{user} + "\"")->user_id,
              *parse_uuid(user));
}

TEST(event_kinds, reads_requests_and_errors) {
    auto const request =
        read("api.request", R"({"method":"GET","endpoint":"/u/{id}","status":404,"latency_ms":12,)"
                            R"("response_bytes":"99","ip_address":"10.0.0.1","region":"eu"})");
    auto const& data = data_of<api_request_data>(request);
    EXPECT_EQ(data.endpoint, "/u/{id}");
    EXPECT_EQ(data.status_code, 404);
    EXPECT_EQ(data.duration_ms, 12);
    EXPECT_EQ(data.request_bytes, not_given);
    EXPECT_EQ(data.response_bytes, 99);
    EXPECT_EQ(request->ip_address, "10.0.0.1");
    EXPECT_EQ(request->properties, R"({"region":"eu"})");

    auto const error =
        read("app.error", R"({"message":"boom","severity":"CRITICAL","service":"web"})");
    EXPECT_EQ(data_of<app_error_data>(error).severity, "critical");
    EXPECT_EQ(data_of<app_error_data>(error).error_type, "Error");
    auto const same = read("app.error", R"({"message":"boom","service":"api"})");
    auto const other = read("app.error", R"({"message":"bang","service":"web"})");
    EXPECT_EQ(data_of<app_error_data>(error).fingerprint,
              data_of<app_error_data>(same).fingerprint);
    EXPECT_NE(data_of<app_error_data>(error).fingerprint,
              data_of<app_error_data>(other).fingerprint);
    EXPECT_EQ(data_of<app_error_data>(read("app.error", R"({"message":"m","fingerprint":"f"})"))
                  .fingerprint,
              "f");
}

TEST(event_kinds, says_what_an_event_moves) {
    std::string const id{user};
    EXPECT_EQ(data_of<entity_data>(read("license.sms.sent", R"({"quantity":3})", "\"L-1\"")).entity,
              "L-1");
    EXPECT_EQ(data_of<entity_data>(read("license.created", R"({"license_key":"L-2"})")).entity,
              "L-2");
    EXPECT_EQ(data_of<entity_data>(read("affiliate.click", R"({"affiliate_code":"ann"})")).entity,
              "ann");
    EXPECT_EQ(data_of<entity_data>(read("affiliate.conversion", R"({"value":"19.99"})", "\"ann\""))
                  .entity,
              "ann");
    EXPECT_EQ(
        data_of<entity_data>(read("voucher.session", R"({"action":"no_show"})", "\"V-1\"")).entity,
        "V-1");
    EXPECT_EQ(
        data_of<entity_data>(read("room.left", R"({"user_id":")" + id + "\"}", "\"" + id + "\""))
            .entity,
        user);
    EXPECT_EQ(data_of<entity_data>(read("audit.action", R"({"action":"login"})")).entity, "");
}

TEST(event_kinds, refuses_bad_data_by_name) {
    std::string const id{user};
    std::vector<bad_data> const cases{
        {"usage", "{}", "missing_field data.metric"},
        {"usage", R"({"metric":7.5,"quantity":"many"})", "bad_number data.quantity"},
        {"usage", R"({"metric":"a","quantity":"0.0000000001"})", "bad_number data.quantity"},
        {"usage", R"({"metric":"a","quantity":"10000000000000000000"})",
         "bad_number data.quantity"},
        {"usage", R"({"metric":"a","quantity":[1]})", "bad_type data.quantity"},
        {"usage", R"({"metric":"a"})", "missing_field subject", ""},
        {"usage", R"({"metric":"a"})", "bad_uuid subject", "\"user:ann\""},
        {"usage", R"({"metric":"a","user_id":"ann"})", "bad_uuid data.user_id"},
        {"usage", R"({"metric":"a","ip_address":"10.0.0"})", "bad_value data.ip_address"},
        {"api.request", R"({"endpoint":"/","status":200})", "missing_field data.method"},
        {"api.request", R"({"method":"GET","status":200})", "missing_field data.endpoint"},
        {"api.request", R"({"method":"GET","endpoint":"/"})", "missing_field data.status_code"},
        {"api.request", R"({"method":"GET","endpoint":"/","status":99})", "bad_number data.status"},
        {"api.request", R"({"method":"GET","endpoint":"/","status":200,"duration_ms":-1})",
         "bad_number data.duration_ms"},
        {"api.request", R"({"method":"GET","endpoint":"/","status":200,"duration_ms":1.5})",
         "bad_number data.duration_ms"},
        {"app.error", "{}", "missing_field data.message"},
        {"app.error", R"({"message":"m","severity":"awful"})", "bad_value data.severity"},
        {"feature.used", "{}", "missing_field data.feature"},
        {"feature.used", R"({"feature":"f","count":0})", "bad_number data.count"},
        {"audit.action", "{}", "missing_field data.action"},
        {"audit.action", R"({"action":"a","new_values":[1]})", "bad_type data.new_values"},
        {"license.sms.sent", R"({"quantity":0})", "bad_number data.quantity"},
        {"license.sms.sent", R"({"quantity":1})", "missing_field subject", ""},
        {"license.x", R"({"actor_id":"ann"})", "bad_uuid data.actor_id"},
        {"affiliate.click", R"({"country":"DEU"})", "bad_value data.country"},
        {"affiliate.conversion", "{}", "missing_field data.value"},
        {"affiliate.conversion", R"({"value":"-1"})", "bad_number data.value"},
        {"affiliate.conversion", R"({"value":"1","currency":"euro"})", "bad_value data.currency"},
        {"affiliate.conversion", R"({"value":"1","clicked_at":"today"})",
         "bad_time data.clicked_at"},
        {"voucher.session", R"({"action":"slept"})", "bad_value data.action"},
        {"voucher.session", R"({"action":"No_Show"})", "bad_value data.action"},
        {"voucher.session", R"({"scheduled_start":1})", "bad_time data.scheduled_start"},
        {"room.joined", R"({"room_id":")" + id + "\"}", "missing_field data.user_id"},
        {"room.joined", R"({"user_id":")" + id + "\"}", "bad_uuid subject"},
        {"room.joined", R"({"user_id":")" + id + R"(","room_id":")" + id + R"(","role":"king"})",
         "bad_value data.role"},
        {"room.prize.won", R"({"user_id":")" + id + R"(","room_id":")" + id + "\"}",
         "missing_field data.prize_id"},
    };
    for (auto const& bad : cases) {
        EXPECT_EQ(faults_of(bad), texts{bad.fault}) << bad.type << " " << bad.data;
    }
}

TEST(event_kinds, finds_each_type) {
    for (auto const& type : event_types()) {
        EXPECT_FALSE(type.description.empty());
        std::string const name{type.name};
        auto const* const found = find_event_type(name == "room."       ? "room.joined"
                                                  : name.ends_with('.') ? name + "x"
                                                                        : name);
        EXPECT_EQ(found, &type) << name;
    }
    EXPECT_EQ(find_event_type("usage.more"), nullptr);
    EXPECT_EQ(find_event_type("license"), nullptr);
}

} // namespace
} // namespace tally::tests
