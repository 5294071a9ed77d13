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

named of_subscription(catalog_index found, catalog const& from) noexcept {
    return found == no_index ? named{} : named{from.subscription_at(found).account, found};
}

named subscription_of(std::string_view text, catalog const& from) noexcept {
    catalog_index found = from.subscription_by_number(text);
    if (auto const id = found == no_index ? ingest::parse_uuid(text) : std::nullopt) {
        found = from.subscription_by_id(*id);
    }
    return of_subscription(found, from);
}

named account_of(std::string_view text, catalog const& from) noexcept {
    catalog_index found = from.account_by_number(text);
    if (auto const id = found == no_index ? ingest::parse_uuid(text) : std::nullopt) {
        found = from.account_by_id(*id);
    }
    return {found, no_index};
}

named user_of(ingest::uuid const& id, catalog const& from) noexcept {
    return id.is_nil() ? named{} : named{from.account_by_user(id), no_index};
}

named subject_of(std::string_view text, catalog const& from) noexcept {
    named found = subscription_of(text, from);
    found = found.is_somebody() ? found : account_of(text, from);
    auto const id = found.is_somebody() ? std::nullopt : ingest::parse_uuid(text);
    return id ? user_of(*id, from) : found;
}

/// The payer that the event names, and the error for the case that there is none. An explicit
/// number that is unknown is an error: the subject must not override it.
named whose(ingest::event const& what, catalog const& from, record_error& otherwise) noexcept {
    if (!what.subscription_number.empty()) {
        otherwise = record_error::unknown_subscription;
        return subscription_of(what.subscription_number, from);
    }
    if (!what.account_number.empty()) {
        otherwise = record_error::unknown_account;
        return account_of(what.account_number, from);
    }
    otherwise = record_error::unknown_subject;
    named const found = what.subject.empty() ? named{} : subject_of(what.subject, from);
    return found.is_somebody() ? found : user_of(what.user_id, from);
}

} // namespace

guided_event guide(ingest::event const& what, catalog const& from) noexcept {
    record_error unknown = record_error::none;
    named const found = whose(what, from, unknown);
    guided_event said{found.account, found.subscription, record_error::none};

    // Only a metered event needs a payer.
    if (what.kind != ingest::event_kind::usage) {
        return said;
    }
    if (!found.is_somebody()) {
        said.error = unknown;
        return said;
    }

    // The subscription must have been active when the event occurred, named or not.
    if (said.subscription == no_index) {
        said.subscription = from.active_subscription(found.account, what.occurred);
    } else {
        auto const& one = from.subscription_at(said.subscription);
        bool const active = one.active_from <= what.occurred && what.occurred < one.active_to;
        said.subscription = active ? said.subscription : no_index;
    }
    if (said.subscription == no_index) {
        said.error = record_error::no_active_subscription;
    }
    return said;
}

} // namespace tally::rating
