#include "storage/batch/event_tables.hpp"

#include "ingest/formats/formats.hpp"
#include "ingest/record/record_batch.hpp"
#include "tests/support/copy_row.hpp"
#include "tests/support/event_json.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace tally::storage {
namespace {

using tests::json_object;

struct long_event {
    std::string type;
    json_object data;
};

/// An event of each kind that has rows of facts, with one text of the greatest length that its
/// decoder accepts.
std::vector<long_event> long_events() {
    std::string const text(1024, 'x');
    std::string const id = "3f2a1b0c-7d6e-4a5b-9c8d-112233445566";
    return {
        {"usage", json_object{}.with("metric", std::string(128, 'm'))},
        {"feature.used",
         json_object{}.with("feature", "f").with("category", text).with("user_id", id)},
        {"feature.used", json_object{}.with("feature", text).with("category", text)},
        {"api.request", json_object{}
                            .with("method", "GET")
                            .with("endpoint", text)
                            .with("status", 200)
                            .with("request_id", text)
                            .with("ip_address", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")},
        {"app.error", json_object{}.with("message", std::string(16 * 1024, 'x'))},
        {"app.error", json_object{}.with("message", "m").with("fingerprint", text)},
        {"affiliate.conversion", json_object{}.with("value", "1").with("email", text)},
        {"voucher.session", json_object{}.with("reason", text)},
        {"room.left", json_object{}.with("room_id", id).with("note", text).with("user_id", id)}};
}

void decode(long_event const& origin, ingest::record_batch& into) {
    into.set_body(
        tests::event_json{origin.type, "1"}.with("subject", "S").data(origin.data).text());
    ingest::source const nobody;
    ingest::find_format("cloudevents")->decode({nobody, {}, {}, 1}, into);
    ASSERT_EQ(into.events.size(), 1u) << origin.type;
}

TEST(event_tables, have_a_value_for_each_column_of_the_statement) {
    for (auto const& each : long_events()) {
        ingest::record_batch decoded;
        decode(each, decoded);
        event_row row;
        row.event = &decoded.events.at(0);
        row.account_id = row.subscription_id = row.source_id = row.event->id;
        row.currency = {'E', 'U', 'R'};
        row.is_metered = row.event->kind == ingest::event_kind::usage;
        fact_table const& table = *table_of(row.event->kind).facts;
        byte_buffer buffer;
        table.put(buffer, row, {});
        EXPECT_FALSE(tests::copy_values(table.copy_sql, buffer.view()).empty()) << each.type;
        if (auto const* const queue = table_of(row.event->kind).effects; queue != nullptr) {
            buffer.clear();
            queue->put(buffer, row, {});
            EXPECT_FALSE(tests::copy_values(queue->copy_sql, buffer.view()).empty()) << each.type;
        }
    }
}

TEST(event_tables, name_their_table_in_the_statement) {
    for (auto const* const table : fact_tables()) {
        EXPECT_TRUE(table->copy_sql.starts_with("COPY " + std::string{table->name} + " ("));
    }
}

} // namespace
} // namespace tally::storage
