#include "storage/batch/event_effects.hpp"

namespace tally::storage {

namespace {

/// A verdict has the form "code: detail", as in "not_enough_credits: license X has 3 SMS left".
verdict read_verdict(std::int64_t index, std::string_view text) {
    auto const colon = text.find(':');
    auto const code = text.substr(0, colon);
    auto detail = colon == std::string_view::npos ? std::string_view{} : text.substr(colon + 1);
    detail.remove_prefix(detail.starts_with(' ') ? 1 : 0);
    auto const reason = ingest::parse_code(code);
    // An unknown code is a mistake in the function, or a function of a newer version. The event is
    // suspended all the same, with the whole text.
    return {static_cast<std::uint32_t>(index),
            reason == ingest::record_error::none ? ingest::record_error::database_refused : reason,
            std::string{reason == ingest::record_error::none ? text : detail}};
}

} // namespace

result event_effects::apply(pq_connection& connection, batch const& content,
                            std::vector<verdict>& verdicts) {
    verdicts.clear();
    statements_.clear();
    for (auto const& table : event_tables()) {
        if (table.apply == nullptr || content.events.empty()) {
            continue;
        }
        if (statements_.size() == arrays_.size()) {
            arrays_.push_back(std::make_unique<apply_rows>());
        }
        auto& arrays = *arrays_[statements_.size()];
        if (auto& values = arrays.fill(content, table.apply); !arrays.is_empty()) {
            statements_.push_back({table.apply, &values});
        }
    }
    if (statements_.empty()) {
        return {};
    }

    // One statement per function, all in one round trip.
    connection.run_pipeline(statements_, outcome_);
    if (!outcome_.status.ok()) {
        return outcome_.status;
    }

    // A row is a refusal; events that were accepted have none.
    for (auto const& rows : outcome_.rows) {
        for (int i = 0; i < row_count(rows); ++i) {
            verdicts.push_back(read_verdict(int64_at(rows, i, 0), bytes_at(rows, i, 1)));
        }
    }
    if (verdicts.empty()) {
        return {};
    }
    return {failure::refused, {}, std::to_string(verdicts.size()) + " events are not possible"};
}

} // namespace tally::storage
