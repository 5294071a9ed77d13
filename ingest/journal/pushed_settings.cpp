#include "ingest/journal/pushed_settings.hpp"

#include "ingest/json/number_rules.hpp"

namespace tally::ingest {

namespace {

// "Asia/Kolkata\n0\n{...}": the zone, the percent policy as a digit, the number rules as JSON.
constexpr char separator = '\n';

} // namespace

std::string encode_settings(source const& sender) {
    // No zone's name contains a line end, and the rules come last, so nothing has to be escaped.
    std::string out = sender.time_zone;
    out.push_back(separator);
    out.push_back(static_cast<char>('0' + static_cast<int>(sender.percent)));
    out.push_back(separator);
    out.append(sender.numbers.text);
    return out;
}

std::shared_ptr<source const> with_settings(std::shared_ptr<source const> sender,
                                            std::string_view settings) {
    auto const end = settings.find(separator);
    // Settings that no version has written: the source as it is now is the best that is left.
    bool const is_whole = end != std::string_view::npos && settings.size() > end + 2 &&
                          settings[end + 1] >= '0' && settings[end + 1] <= '2' &&
                          settings[end + 2] == separator;
    if (!is_whole) {
        return sender;
    }

    // The usual case: the source has not changed since.
    auto const zone = settings.substr(0, end);
    auto const percent = static_cast<percent_policy>(settings[end + 1] - '0');
    auto const rules = settings.substr(end + 3);
    if (zone == sender->time_zone && percent == sender->percent && rules == sender->numbers.text) {
        return sender;
    }

    // A copy, for this push only: the record must get the key that it had when it was acknowledged
    // (R6).
    auto changed = std::make_shared<source>(*sender);
    changed->time_zone = zone;
    changed->percent = percent;
    if (rules != changed->numbers.text) {
        changed->numbers = rules.empty() ? number_rules{} : read_number_rules(rules).rules;
    }
    return changed;
}

} // namespace tally::ingest
