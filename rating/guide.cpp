#include "rating/guide.hpp"

#include "ingest/uuid.hpp"

#include <array>

namespace tally::rating {

namespace {

using ingest::record_error;

guided failed(record_error why) noexcept {
    return {no_index, why};
}

/// A subscription that was named, by itself or by its DID; it pays if it was active.
guided when_active(catalog_index found, ingest::time_us start, catalog const& from) noexcept {
    subscription const& s = from.subscription_at(found);
    bool const active = s.active_from <= start && start < s.active_to;
    return active ? guided{found, record_error::none}
                  : failed(record_error::no_active_subscription);
}

guided by_subscription(ingest::cdr const& call, catalog const& from) noexcept {
    catalog_index found = from.subscription_by_number(call.subscription_number);
    if (found == no_index) {
        if (auto const id = ingest::parse_uuid(call.subscription_number)) {
            found = from.subscription_by_id(*id);
        }
    }
    return found == no_index ? failed(record_error::unknown_subscription)
                             : when_active(found, call.start, from);
}

guided by_account(ingest::cdr const& call, catalog const& from) noexcept {
    catalog_index const account = from.account_by_number(call.account_number);
    if (account == no_index) {
        return failed(record_error::unknown_account);
    }
    catalog_index const found = from.active_subscription(account, call.start);
    return found == no_index ? failed(record_error::no_active_subscription)
                             : guided{found, record_error::none};
}

guided by_did(ingest::cdr const& call, catalog const& from) noexcept {
    bool const outbound = call.direction == ingest::call_direction::outbound;
    std::array<char, prefix_index::digits_max> buffer;
    auto const number = match_number(outbound ? call.caller_id : call.destination, buffer);
    if (!number.is_whole) {
        return failed(record_error::unknown_number);
    }
    catalog_index const found = from.subscription_by_did(number.digits);
    return found == no_index ? failed(record_error::unknown_number)
                             : when_active(found, call.start, from);
}

} // namespace

guided guide(ingest::cdr const& call, catalog const& from) noexcept {
    // What the switch says outright is never overruled by a guess from the numbers: an unknown
    // account code waits in suspense until somebody creates the account or corrects the switch.
    if (!call.subscription_number.empty()) {
        return by_subscription(call, from);
    }
    if (!call.account_number.empty()) {
        return by_account(call, from);
    }
    return by_did(call, from);
}

} // namespace tally::rating
