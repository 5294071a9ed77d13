#pragma once

#include "tests/ingest/formats/decoder_helpers.hpp"

#include <map>

namespace tally::tests::freeswitch {

using members = std::map<std::string, std::string>;

inline constexpr std::string_view call_uuid = "3f2a1b0c-7d6e-4a5b-9c8d-112233445566";

/// Variables of an answered call of a registered user: 11.7 s ringing and 65.039 s of talk.
extern members const answered;

/// These variables with changes; the value "absent" removes one.
members with(members const& changes);
/// These variables with a call id.
members only(members variables);

/// An entry of a callflow; `more` is further members of its caller_profile.
std::string profile(int index, std::string const& destination, std::string const& more = {});

/// A record; `callflow` contains the members after the variables.
std::string record(members const& variables = answered,
                   std::string const& callflow = ",\"callflow\":" + profile(1, "+919876543210"));

std::string quoted(std::string const& text);

/// The only call of a body without faults.
struct decoded_call {
    std::unique_ptr<ingest::record_batch> batch;
    ingest::cdr const& operator*() const { return batch->cdrs.at(0); }
    ingest::cdr const* operator->() const { return &batch->cdrs.at(0); }
};
decoded_call one(std::string const& body, ingest::source const& source = {},
                 std::string_view query = {});

} // namespace tally::tests::freeswitch
