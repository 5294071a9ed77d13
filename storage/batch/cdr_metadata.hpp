#pragma once

#include "ingest/record/cdr.hpp"
#include "storage/postgres/wire_fields.hpp"

#include <cstddef>

namespace tally::storage {

/// Column metadata of billing.cdrs as the value of a field: the record's own JSON object. Where
/// number rules changed a number, "sent_caller_id" and "sent_destination" come before its members,
/// with what was sent. NULL if the record has neither.
struct call_metadata {
    ingest::cdr const& call;

    [[nodiscard]] bool has_sent_number() const noexcept {
        return !call.sent_caller_id.empty() || !call.sent_destination.empty();
    }
};

/// The exact length of the object with the numbers that were sent.
std::size_t sent_object_bytes(ingest::cdr const& call) noexcept;
/// Writes the field with the numbers that were sent. Returns the end of what it wrote.
char* put_sent_object(char* out, ingest::cdr const& call) noexcept;

inline char* put_field(char* out, call_metadata const& value) noexcept {
    return value.has_sent_number() ? put_sent_object(out, value.call)
                                   : wire::put_field(out, wire::json{value.call.metadata});
}

} // namespace tally::storage

template <>
struct tally::storage::wire::field_size<tally::storage::call_metadata> : field_size<json> {
    static std::size_t text(call_metadata const& value) noexcept {
        return value.has_sent_number() ? sent_object_bytes(value.call) : value.call.metadata.size();
    }
};
