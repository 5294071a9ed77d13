#include "tests/ingest/formats/decoder_helpers.hpp"

#include "ingest/decode/record_framer.hpp"
#include "ingest/formats/formats.hpp"
#include "ingest/json/utf8_text.hpp"
#include "ingest/text/timestamp.hpp"
#include "ingest/text/trim.hpp"

#include <gtest/gtest.h>
#include <openssl/evp.h>

#include <algorithm>
#include <map>
#include <set>

namespace tally::tests {
namespace {

using namespace ingest;

void expect_clean(std::string_view text) {
    EXPECT_TRUE(is_valid_utf8(text));
    EXPECT_EQ(text.find('\0'), text.npos);
}

void expect_clean(cdr const& call) {
    expect_clean(call.account_number);
    expect_clean(call.subscription_number);
    expect_clean(call.caller_id);
    expect_clean(call.destination);
    expect_clean(call.hangup_cause);
    expect_clean(call.metadata);
    EXPECT_LE(call.start, call.end);
    EXPECT_GE(call.duration_ms, 0);
    EXPECT_GE(call.billsec_ms, 0);
    EXPECT_GE(call.billable_ms, 0);
    EXPECT_FALSE(call.id.is_nil());
    EXPECT_FALSE(call.raw.empty());
}

void expect_clean(event const& event) {
    for (auto const text :
         {event.source, event.event_id, event.type, event.subject, event.data, event.properties,
          event.account_number, event.subscription_number, event.user_agent, event.ip_address}) {
        expect_clean(text);
    }
    EXPECT_FALSE(event.id.is_nil());
    EXPECT_FALSE(event.event_id.empty());
    EXPECT_TRUE(event.data.starts_with('{'));
    EXPECT_FALSE(event.raw.empty());
}

void expect_sound(record_batch const& batch) {
    ASSERT_EQ(batch.cdrs.size(), batch.cdr_index.size());
    ASSERT_EQ(batch.events.size(), batch.event_index.size());
    std::multiset<std::uint32_t> indices(batch.cdr_index.begin(), batch.cdr_index.end());
    indices.insert(batch.event_index.begin(), batch.event_index.end());
    for (auto const& each : batch.rejected) {
        indices.insert(each.index);
        EXPECT_NE(each.error, record_error::none);
        EXPECT_FALSE(each.detail.empty());
    }
    EXPECT_EQ(indices.size() + batch.skipped, batch.received());
    for (auto index = indices.begin(); index != indices.end(); ++index) {
        EXPECT_LT(*index, batch.received());
        EXPECT_EQ(indices.count(*index), 1u);
    }
    std::ranges::for_each(batch.cdrs, [](cdr const& call) { expect_clean(call); });
    std::ranges::for_each(batch.events, [](event const& event) { expect_clean(event); });
    if (batch.body_error != record_error::none) {
        EXPECT_EQ(batch.received(), 0u);
    }
}

} // namespace

std::unique_ptr<record_batch> decode(std::string_view format, std::string_view body,
                                     source const& source, std::string_view query) {
    auto batch = std::make_unique<record_batch>();
    batch->set_body(std::string(body));
    find_format(format)->decode({source, {}, query}, *batch);
    expect_sound(*batch);
    return batch;
}

std::string cloudevent(std::string_view type, std::string_view data,
                       std::vector<std::pair<std::string, std::string>> const& changes) {
    std::map<std::string, std::string> members{
        {"specversion", "\"1.0\""}, {"id", "\"e-1\""},
        {"source", "\"/shop\""},    {"type", "\"" + std::string{type} + "\""},
        {"subject", "\"SUB-7\""},   {"time", "\"2026-05-04T10:00:00Z\""},
        {"data", std::string{data}}};
    for (auto const& [name, value] : changes) {
        members[name] = value;
    }
    std::string text = "{";
    for (auto const& [name, value] : members) {
        if (!value.empty()) {
            text += (text.size() == 1 ? "\"" : ",\"") + name + "\":" + value;
        }
    }
    return text + "}";
}

decoded_records decode_in_two(std::string_view format, std::string_view body, std::size_t cut,
                              source const& source,
                              std::vector<std::unique_ptr<record_batch>>& keep) {
    auto const framing = find_format(format)->cut;
    std::size_t const first = whole_records(framing, body.substr(0, cut), false);
    EXPECT_LE(first, cut);
    decoded_records found;
    for (auto const piece : {body.substr(0, first), body.substr(first)}) {
        if (trimmed(piece).empty()) {
            continue;
        }
        keep.push_back(decode(format, piece, source));
        auto const& batch = *keep.back();
        found.calls.insert(found.calls.end(), batch.cdrs.begin(), batch.cdrs.end());
        found.events.insert(found.events.end(), batch.events.begin(), batch.events.end());
    }
    return found;
}

time_us at(std::string_view rfc3339) {
    auto const reading = read_time_text(rfc3339);
    EXPECT_EQ(reading.is, time_reading::form::utc) << rfc3339;
    return reading.value;
}

std::vector<std::string> faults(record_batch const& batch) {
    std::vector<std::string> found;
    if (batch.body_error != record_error::none) {
        found.push_back("whole " + std::string(code(batch.body_error)));
    }
    for (auto const& each : batch.rejected) {
        std::string text(code(each.error));
        if (!each.field.empty()) {
            text += ' ';
            text += each.field;
        }
        found.push_back(text);
    }
    return found;
}

std::string to_base64(std::string_view bytes) {
    std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');
    int const length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                       reinterpret_cast<unsigned char const*>(bytes.data()),
                                       static_cast<int>(bytes.size()));
    text.resize(static_cast<std::size_t>(length));
    return text;
}

std::string to_percent(std::string_view bytes) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    constexpr std::string_view unsafe = "\r\n #%&+:;<=>?@[\\]^`{|}\"";
    std::string text;
    for (char const c : bytes) {
        auto const byte = static_cast<unsigned char>(c);
        if (byte > 0x20 && byte < 0x7F && unsafe.find(c) == unsafe.npos) {
            text += c;
        } else {
            text += {'%', digits[byte >> 4], digits[byte & 15]};
        }
    }
    return text;
}

std::string canonical(std::vector<std::pair<std::string, std::string>> const& changes) {
    std::vector<std::pair<std::string, std::string>> members{
        {"uuid", R"("9b2f6c3e-8d1a-4f57-b0a4-1c2d3e4f5a6b")"},
        {"account_number", R"("ACC-1001")"},
        {"direction", R"("outbound")"},
        {"caller_id", R"("+442071838750")"},
        {"destination", R"("+919876543210")"},
        {"start_time", R"("2026-03-01T09:59:50.250Z")"},
        {"answer_time", R"("2026-03-01T10:00:00Z")"},
        {"end_time", R"("2026-03-01T10:02:10Z")"},
        {"duration", "140"},
        {"billsec", "130"},
        {"hangup_cause", R"("NORMAL_CLEARING")"}};
    for (auto const& change : changes) {
        auto const found =
            std::ranges::find(members, change.first, &std::pair<std::string, std::string>::first);
        if (found == members.end()) {
            members.push_back(change);
        } else {
            found->second = change.second;
        }
    }
    std::string text = "{";
    for (auto const& [key, value] : members) {
        if (!value.empty()) {
            text += (text.size() > 1 ? ",\"" : "\"") + key + "\":" + value;
        }
    }
    return text + "}";
}

} // namespace tally::tests
