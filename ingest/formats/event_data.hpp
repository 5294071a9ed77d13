#pragma once

#include "ingest/decode/decoder_tools.hpp"
#include "ingest/decode/json_input.hpp"
#include "ingest/record/event.hpp"

#include <bitset>
#include <cstdint>
#include <initializer_list>
#include <vector>

// Included by .cpp files only: brings simdjson along.

namespace tally::ingest {

/// The members of an event's data that some kind knows.
enum class event_member : std::uint8_t {
    account_number,
    account_id,
    subscription_number,
    subscription_id,
    user_id,
    organization_id,
    ip_address,
    user_agent,
    metric,
    quantity,
    method,
    endpoint,
    status_code,
    status,
    duration_ms,
    latency_ms,
    request_bytes,
    response_bytes,
    api_version,
    api_key_id,
    request_id,
    error_code,
    message,
    error_type,
    severity,
    fingerprint,
    stack_trace,
    service,
    environment,
    release,
    feature,
    category,
    count,
    action,
    entity_type,
    entity_id,
    description,
    old_values,
    new_values,
    license_key,
    license_id,
    actor_id,
    assignment_id,
    affiliate_code,
    affiliate_id,
    click_id,
    clicked_at,
    country,
    value,
    currency,
    payment_id,
    email,
    voucher_code,
    voucher_id,
    session_id,
    scheduled_start,
    scheduled_end,
    therapist_id,
    room_id,
    prize_id,
    participant_id,
    role,
    count_,
};
inline constexpr auto event_member_count = static_cast<std::size_t>(event_member::count_);

/// Their names in faults: "data.metric".
inline constexpr std::array<std::string_view, event_member_count> event_member_paths{
    "data.account_number",
    "data.account_id",
    "data.subscription_number",
    "data.subscription_id",
    "data.user_id",
    "data.organization_id",
    "data.ip_address",
    "data.user_agent",
    "data.metric",
    "data.quantity",
    "data.method",
    "data.endpoint",
    "data.status_code",
    "data.status",
    "data.duration_ms",
    "data.latency_ms",
    "data.request_bytes",
    "data.response_bytes",
    "data.api_version",
    "data.api_key_id",
    "data.request_id",
    "data.error_code",
    "data.message",
    "data.error_type",
    "data.severity",
    "data.fingerprint",
    "data.stack_trace",
    "data.service",
    "data.environment",
    "data.release",
    "data.feature",
    "data.category",
    "data.count",
    "data.action",
    "data.entity_type",
    "data.entity_id",
    "data.description",
    "data.old_values",
    "data.new_values",
    "data.license_key",
    "data.license_id",
    "data.actor_id",
    "data.assignment_id",
    "data.affiliate_code",
    "data.affiliate_id",
    "data.click_id",
    "data.clicked_at",
    "data.country",
    "data.value",
    "data.currency",
    "data.payment_id",
    "data.email",
    "data.voucher_code",
    "data.voucher_id",
    "data.session_id",
    "data.scheduled_start",
    "data.scheduled_end",
    "data.therapist_id",
    "data.room_id",
    "data.prize_id",
    "data.participant_id",
    "data.role"};

inline constexpr key_table<event_member_count> event_member_keys{[] {
    std::array<std::string_view, event_member_count> names;
    for (std::size_t i = 0; i < event_member_count; ++i) {
        names[i] = event_member_paths[i].substr(std::string_view{"data."}.size());
    }
    return names;
}()};

/// Reads the members of one event's data for its kind; each call returns false at the first fault.
/// Members that were not read become the event's properties. One per thread, to reuse its memory.
class event_data_reader {
  public:
    static event_data_reader& of_this_thread();

    /// Parses `data`: an object as append_json_value writes it, with padding after its end.
    bool open(std::string_view data, text_arena& arena);
    [[nodiscard]] record_fault const& fault() const noexcept { return fault_; }
    bool fail(record_error error, event_member which, std::string_view detail) noexcept;
    bool fail_field(record_error error, std::string_view field, std::string_view detail) noexcept;

    [[nodiscard]] bool has(event_member which) const noexcept;
    bool require(event_member which);
    /// A string or number; empty if it is absent.
    bool text(event_member which, std::string_view& out, std::size_t bytes_max = text_bytes_max);
    /// Like text, but required.
    bool required_text(event_member which, std::string_view& out,
                       std::size_t bytes_max = text_bytes_max);
    bool uuid_of(event_member which, uuid& out);
    /// `out` keeps its value if the member is absent.
    bool integer(event_member which, std::int64_t min, std::int64_t max, std::int64_t& out);
    bool decimal(event_member which, int128& out);
    /// Ignores case; `out` is the word as in the list.
    bool word(event_member which, std::initializer_list<std::string_view> words,
              std::string_view& out);
    /// For a member that a function of the database reads: exactly as in the list.
    bool exact_word(event_member which, std::initializer_list<std::string_view> words);
    bool address(event_member which, std::string_view& out);
    bool time(event_member which);
    bool object(event_member which);

    /// The members that were not read, as one JSON object in the arena; empty if there are none.
    std::string_view properties();
    /// Appends all members, in the order of their names.
    void append_content(std::string& out);

  private:
    struct member {
        std::string_view name; ///< escaped, as in the input
        std::string_view value;
        std::size_t index = event_member_keys.absent;
    };

    json_token const& token(event_member which) noexcept;

    json_parser parser_;
    text_arena* arena_ = nullptr;
    std::vector<member> members_;
    std::vector<std::uint32_t> order_;
    std::array<json_token, event_member_count> tokens_{};
    std::bitset<event_member_count> asked_;
    std::string built_;
    record_fault fault_;
};

} // namespace tally::ingest
