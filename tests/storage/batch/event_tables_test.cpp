#include "storage/batch/event_tables.hpp"

#include "ingest/formats/formats.hpp"
#include "ingest/record/record_batch.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace tally::storage {
namespace {

struct long_event {
    std::string type;
    std::string data;
};

/// An event of each kind that has rows of facts, with one text of the greatest length that its
/// decoder accepts. The other data is short, so that no other field leaves unused room.
std::vector<long_event> long_events() {
    std::string const text(1024, 'x');
    std::string const user = R"("user_id":"3f2a1b0c-7d6e-4a5b-9c8d-112233445566")";
    return {{"usage", R"({"metric":")" + std::string(128, 'm') + "\"}"},
            {"feature.used", R"({"feature":"f","category":")" + text + "\"," + user + "}"},
            {"feature.used", R"({"feature":")" + text + R"(","category":")" + text + "\"}"},
            {"api.request", R"({"method":"GET","endpoint":")" + text +
                                R"(","status":200,"request_id":")" + text +
                                R"(","ip_address":"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"})"},
            {"app.error", R"({"message":")" + std::string(16 * 1024, 'x') + "\"}"},
            {"app.error", R"({"message":"m","fingerprint":")" + text + "\"}"},
            {"affiliate.conversion", R"({"value":"1","email":")" + text + "\"}"},
            {"voucher.session", R"({"reason":")" + text + "\"}"},
            {"room.left", R"({"room_id":"3f2a1b0c-7d6e-4a5b-9c8d-112233445566","note":")" + text +
                              "\"," + user + "}"}};
}

void decode(long_event const& origin, ingest::record_batch& into) {
    into.set_body(R"({"specversion":"1.0","id":"1","source":"/s","subject":"S","type":")" +
                  origin.type + R"(","data":)" + origin.data + "}");
    ingest::source const nobody;
    ingest::find_format("cloudevents")->decode({nobody, {}, {}, 1}, into);
    ASSERT_EQ(into.events.size(), 1u) << origin.type;
}

/// Number of fields of a row in COPY's binary format; -1 if the row does not end with a field.
int fields_of(std::string_view row) {
    auto const number = [&row](std::size_t bytes) {
        std::uint32_t value = 0;
        for (char const c : row.substr(0, bytes)) {
            value = value << 8 | static_cast<unsigned char>(c);
        }
        row.remove_prefix(std::min(bytes, row.size()));
        return value;
    };
    int const columns = static_cast<int>(number(2));
    for (int field = 0; field < columns; ++field) {
        auto const length = static_cast<std::int32_t>(number(4));
        auto const bytes = static_cast<std::size_t>(std::max(length, 0));
        if (bytes > row.size()) {
            return -1;
        }
        row.remove_prefix(bytes);
    }
    return row.empty() ? columns : -1;
}

// The buffer asserts that a writer stays within the room that it requested.
TEST(event_tables, rows_stay_within_their_room) {
    for (auto const& each : long_events()) {
        ingest::record_batch decoded;
        decode(each, decoded);
        event_row row;
        row.event = &decoded.events.at(0);
        row.account_id = row.subscription_id = row.source_id = row.event->id;
        row.currency = {'E', 'U', 'R'};
        row.is_metered = row.event->kind == ingest::event_kind::usage;
        fact_table const& table = *table_of(row.event->kind).facts;
        byte_buffer buffer; // no larger than the row requests
        table.put(buffer, row, {});
        EXPECT_GT(fields_of(buffer.view()), 0) << each.type;
    }
}

} // namespace
} // namespace tally::storage
