#pragma once

#include "ingest/base/uuid.hpp"
#include "ingest/record/event.hpp"
#include "rating/money/quantity.hpp"
#include "tests/support/call_maker.hpp"

#include <deque>
#include <string>
#include <string_view>

namespace tally::tests {

/// Makes usage events as a decoder would, for subscriptions of make_telecom(); owns their text.
class event_maker {
  public:
    /// A metered event of SUB-`account`.
    ingest::event usage(std::string id, int account, std::string metric, std::string_view quantity,
                        ingest::time_us when = call_maker::base, std::string data = "{}") {
        auto made = event(std::move(id), ingest::event_kind::usage, "usage", when);
        made.subject = keep("SUB-" + std::to_string(account));
        made.event_data = ingest::usage_data{keep(std::move(metric)),
                                             rating::parse_quantity(quantity).value().nanos};
        made.data = keep(std::move(data));
        made.content = std::hash<std::string>{}(std::string{made.subject} + std::string{quantity});
        return made;
    }
    /// An event with its identity and nothing else.
    ingest::event event(std::string id, ingest::event_kind kind, std::string type,
                        ingest::time_us when = call_maker::base) {
        ingest::event made;
        made.kind = kind;
        made.source = "test";
        made.event_id = keep(std::move(id));
        made.id = ingest::uuid_v5(ingest::event_name_space,
                                  "test" + std::string(1, '\0') + std::string{made.event_id});
        made.type = keep(std::move(type));
        made.occurred = when;
        made.raw = keep("raw of event " + std::string{made.event_id});
        return made;
    }
    std::string_view keep(std::string text) { return text_.emplace_back(std::move(text)); }

  private:
    std::deque<std::string> text_;
};

} // namespace tally::tests
