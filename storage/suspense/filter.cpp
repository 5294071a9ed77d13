#include "storage/suspense/filter.hpp"

namespace tally::storage {

namespace {

void add_time(parameters& values, ingest::time_us time) {
    // NULL means "any" in the condition's SQL, so one statement serves every combination of
    // filters.
    time == ingest::never_us ? values.add_null() : values.add_time(time);
}

void add_array(parameters& values, array_parameter& array) {
    array.count() == 0 ? values.add_null() : values.add(array);
}

} // namespace

suspense_condition::suspense_condition(suspense_filter const& filter)
    : filter_{filter}, ids_{wire::uuid_oid}, reasons_{wire::text_oid} {
    for (auto const& id : filter.ids) {
        ids_.add(id);
    }
    for (auto const& reason : filter.reasons) {
        reasons_.add_bytes(reason);
    }
}

parameters& suspense_condition::add_to(parameters& values) {
    add_array(values, ids_);
    add_array(values, reasons_);
    values.add_optional(filter_.source_id).add_optional_text(filter_.format);
    add_time(values, filter_.since);
    add_time(values, filter_.until);
    return values.add_optional_text(filter_.state);
}

} // namespace tally::storage
