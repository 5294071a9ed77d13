#pragma once

#include "tests/support/json_object.hpp"

#include <string>
#include <string_view>
#include <utility>

namespace tally::tests {

/// A structured CloudEvent without a subject, a time and data.
///
///     event_json{"usage", "1"}
///         .with("subject", "SUB-1")
///         .data(json_object{}.with("metric", "sms").with("quantity", 1))
///         .text()
class event_json : public json_members<event_json> {
  public:
    event_json(std::string_view type, std::string_view id) {
        with("specversion", "1.0").with("id", id).with("source", "/test").with("type", type);
    }

    event_json& data(json_object const& members) { return data(members.text()); }
    /// `json`: any value, as JSON.
    event_json& data(std::string json) { return with_json("data", std::move(json)); }
};

} // namespace tally::tests
