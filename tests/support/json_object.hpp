#pragma once

#include <algorithm>
#include <concepts>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tally::tests {

/// The members of a JSON object. with() replaces a member or adds it, without() leaves it out, the
/// order stays. `Self`: the class that derives from it.
template <typename Self>
class json_members {
  public:
    /// `value` needs no escapes.
    Self& with(std::string_view name, std::string_view value) {
        return with_json(name, '"' + std::string{value} + '"');
    }
    Self& with(std::string_view name, std::integral auto value) {
        return with_json(name, std::to_string(value));
    }
    /// `json`: any value, as JSON.
    Self& with_json(std::string_view name, std::string json) {
        auto const found = std::ranges::find(members_, name, &member::first);
        if (found == members_.end()) {
            members_.emplace_back(name, std::move(json));
        } else {
            found->second = std::move(json);
        }
        return self();
    }
    Self& without(std::string_view name) {
        std::erase_if(members_, [name](member const& each) { return each.first == name; });
        return self();
    }

    [[nodiscard]] std::string text() const {
        std::string json;
        for (auto const& [name, value] : members_) {
            json.append(json.empty() ? "{\"" : ",\"").append(name).append("\":").append(value);
        }
        return json.empty() ? "{}" : json + "}";
    }
    /// With a line feed, for NDJSON.
    [[nodiscard]] std::string line() const { return text() + "\n"; }

  private:
    using member = std::pair<std::string, std::string>; ///< name, value as JSON

    Self& self() { return static_cast<Self&>(*this); }

    std::vector<member> members_;
};

/// An object that has no members of its own: json_object{}.with("metric", "sms").text()
class json_object : public json_members<json_object> {};

} // namespace tally::tests
