#include "rating/catalog/guide.hpp"

#include "ingest/base/uuid.hpp"
#include "rating/number/match_digits.hpp"

#include <array>

namespace tally::rating {

namespace {

using ingest::call_direction;
using ingest::record_error;

guided failed(record_error reason) noexcept {
    guided nobody;
    nobody.error = reason;
    return nobody;
}

/// A subscription that the call names by number, id or DID. It pays if it was active.
guided when_active(catalog_index found, ingest::time_us start, catalog const& catalog) noexcept {
    subscription const& s = catalog.subscription_at(found);
    bool const active = s.active_from <= start && start < s.active_to;
    return active ? guided{found} : failed(record_error::no_active_subscription);
}

guided by_subscription(ingest::cdr const& call, catalog const& catalog) noexcept {
    // A number is tried before the same text as an id.
    catalog_index found = catalog.subscription_by_number(call.subscription_number);
    if (found == no_index) {
        if (auto const id = ingest::parse_uuid(call.subscription_number)) {
            found = catalog.subscription_by_id(*id);
        }
    }
    return found == no_index ? failed(record_error::unknown_subscription)
                             : when_active(found, call.start, catalog);
}

guided by_account(ingest::cdr const& call, catalog const& catalog) noexcept {
    catalog_index const account = catalog.account_by_number(call.account_number);
    if (account == no_index) {
        return failed(record_error::unknown_account);
    }
    catalog_index const found = catalog.active_subscription(account, call.start);
    return found == no_index ? failed(record_error::no_active_subscription) : guided{found};
}

/// The subscription that owns a number, or no_index.
catalog_index owner_of(std::string_view text, catalog const& catalog) noexcept {
    std::array<char, prefix_index::digits_max> buffer;
    auto const number = match_number(text, buffer);
    // A name that begins with the digits of a DID ("24seven") must not be charged to its owner.
    return number.is_whole ? catalog.subscription_by_did(number.digits) : no_index;
}

guided by_did(ingest::cdr const& call, call_direction direction, catalog const& catalog) noexcept {
    catalog_index const found = owner_of(
        direction == call_direction::outbound ? call.caller_id : call.destination, catalog);
    return found == no_index ? failed(record_error::unknown_number)
                             : when_active(found, call.start, catalog);
}

/// The direction as the record states it, or, if the record only assumes it, as the owners of the
/// numbers show it.
call_direction direction_of(ingest::cdr const& call, catalog const& catalog) noexcept {
    if (!call.direction_assumed) {
        return call.direction;
    }

    // With an account in the record only a DID of that account makes the call inbound.
    catalog_index const called = owner_of(call.destination, catalog);
    if (!call.account_number.empty()) {
        bool const is_own =
            called != no_index && catalog.subscription_at(called).account ==
                                      catalog.account_by_number(call.account_number);
        return is_own ? call_direction::inbound : call.direction;
    }

    // If both numbers are ours or neither is, the numbers do not show a direction.
    bool const from_us = owner_of(call.caller_id, catalog) != no_index;
    if (from_us == (called != no_index)) {
        return call.direction;
    }
    return from_us ? call_direction::outbound : call_direction::inbound;
}

guided who_pays(ingest::cdr const& call, call_direction direction,
                catalog const& catalog) noexcept {
    // An explicit number that is unknown is an error: the DIDs must not override it. The record
    // waits in suspense until an operator creates the account or corrects the switch.
    if (!call.subscription_number.empty()) {
        return by_subscription(call, catalog);
    }
    if (!call.account_number.empty()) {
        return by_account(call, catalog);
    }
    return by_did(call, direction, catalog);
}

} // namespace

bool is_on_net(ingest::cdr const& call, tariff const& plan, catalog const& catalog) noexcept {
    // Most plans have no on-net rates, so most calls save the look-up.
    if (!plan.asks_on_net()) {
        return false;
    }
    std::array<char, prefix_index::digits_max> buffer;
    auto const number = match_number(call.destination, buffer);
    return number.is_whole && catalog.is_active_did(number.digits);
}

guided guide(ingest::cdr const& call, catalog const& catalog) noexcept {
    auto const direction = direction_of(call, catalog);
    auto found = who_pays(call, direction, catalog);
    found.direction = direction;
    if (found.error == record_error::none) {
        auto const& plan = catalog.plan_at(catalog.subscription_at(found.subscription).plan);
        found.on_net = is_on_net(call, plan, catalog);
    }
    return found;
}

guided guide_decided(ingest::cdr const& call, ingest::payer const& decided,
                     catalog const& catalog) noexcept {
    guided found;
    found.direction = decided.direction;
    found.error = decided.error;
    if (decided.error != record_error::none) {
        return found;
    }

    // The account is a part of the call's key (R6): under another account the call would get
    // another key.
    auto const subscription = catalog.subscription_by_id(decided.subscription_id);
    if (subscription == no_index ||
        catalog.account_at(catalog.subscription_at(subscription).account).id !=
            decided.account_id) {
        found.error = record_error::unknown_subscription;
        return found;
    }

    // The plan is that of today, like its rates: only the payer was decided.
    found.subscription = subscription;
    auto const& plan = catalog.plan_at(catalog.subscription_at(subscription).plan);
    found.on_net = is_on_net(call, plan, catalog);
    return found;
}

ingest::payers decide_payers(ingest::record_batch const& batch, catalog const& catalog) {
    ingest::payers decided;
    for (std::size_t i = 0; i < batch.cdrs.size(); ++i) {
        auto const found = guide(batch.cdrs[i], catalog);
        ingest::payer one{{}, {}, found.error, found.direction};

        // By ids, not by indices: the decision outlives this catalog.
        if (found.error == record_error::none) {
            auto const& s = catalog.subscription_at(found.subscription);
            one.account_id = catalog.account_at(s.account).id;
            one.subscription_id = s.id;
        }
        decided.set(batch.cdr_index[i], one);
    }
    return decided;
}

} // namespace tally::rating
