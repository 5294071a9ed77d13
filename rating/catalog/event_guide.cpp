#include "rating/catalog/event_guide.hpp"

#include "ingest/base/uuid.hpp"

namespace tally::rating {

namespace {

using ingest::record_error;

/// The payer that an event names: a subscription, or an account whose subscription is not yet
/// known.
struct named {
    catalog_index account = no_index;
    catalog_index subscription = no_index;

    [[nodiscard]] bool is_somebody() const noexcept { return account != no_index; }
};

named of_subscription(catalog_index found, catalog const& catalog) noexcept {
    return found == no_index ? named{} : named{catalog.subscription_at(found).account, found};
}

named subscription_of(std::string_view text, catalog const& catalog) noexcept {
    // A number is tried before the same text as an id, as for calls.
    catalog_index found = catalog.subscription_by_number(text);
    if (auto const id = found == no_index ? ingest::parse_uuid(text) : std::nullopt) {
        found = catalog.subscription_by_id(*id);
    }
    return of_subscription(found, catalog);
}

named account_of(std::string_view text, catalog const& catalog) noexcept {
    catalog_index found = catalog.account_by_number(text);
    if (auto const id = found == no_index ? ingest::parse_uuid(text) : std::nullopt) {
        found = catalog.account_by_id(*id);
    }
    return {found, no_index};
}

named user_of(ingest::uuid const& id, catalog const& catalog) noexcept {
    return id.is_nil() ? named{} : named{catalog.account_by_user(id), no_index};
}

named subject_of(std::string_view text, catalog const& catalog) noexcept {
    // From the most exact name to the least: a subscription, an account, a user.
    named found = subscription_of(text, catalog);
    found = found.is_somebody() ? found : account_of(text, catalog);
    auto const id = found.is_somebody() ? std::nullopt : ingest::parse_uuid(text);
    return id ? user_of(*id, catalog) : found;
}

/// The payer that the event names, and the error for the case that there is none. An explicit
/// number that is unknown is an error: the subject must not override it.
named whose(ingest::event const& event, catalog const& catalog, record_error& otherwise) noexcept {
    if (!event.subscription_number.empty()) {
        otherwise = record_error::unknown_subscription;
        return subscription_of(event.subscription_number, catalog);
    }
    if (!event.account_number.empty()) {
        otherwise = record_error::unknown_account;
        return account_of(event.account_number, catalog);
    }
    otherwise = record_error::unknown_subject;
    named const found = event.subject.empty() ? named{} : subject_of(event.subject, catalog);
    return found.is_somebody() ? found : user_of(event.user_id, catalog);
}

} // namespace

guided_event guide(ingest::event const& event, catalog const& catalog) noexcept {
    record_error unknown = record_error::none;
    named const found = whose(event, catalog, unknown);
    guided_event guided{found.account, found.subscription, record_error::none};

    // Only a metered event needs a payer.
    if (event.kind != ingest::event_kind::usage) {
        return guided;
    }
    if (!found.is_somebody()) {
        guided.error = unknown;
        return guided;
    }

    // The subscription must have been active when the event occurred, named or not.
    if (guided.subscription == no_index) {
        guided.subscription = catalog.active_subscription(found.account, event.occurred);
    } else {
        auto const& one = catalog.subscription_at(guided.subscription);
        bool const active = one.active_from <= event.occurred && event.occurred < one.active_to;
        guided.subscription = active ? guided.subscription : no_index;
    }
    if (guided.subscription == no_index) {
        guided.error = record_error::no_active_subscription;
    }
    return guided;
}

} // namespace tally::rating
