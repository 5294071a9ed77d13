#include "storage/postgres/copy_stream.hpp"

#include <charconv>

namespace tally::storage {

std::uint64_t copy_line(std::string_view report, std::string_view table) noexcept {
    // As PostgreSQL writes the context of an error in a COPY: "COPY cdrs, line 17, column cost".
    // The table is the one that the COPY names, not the partition that refuses the row.
    constexpr std::string_view before = "COPY ";
    constexpr std::string_view after = ", line ";

    // The report names tables without their schema.
    std::string_view const name = table.substr(table.find('.') + 1);
    // From the end: the context is the last part of a report, and a message may quote such text.
    for (auto found = report.rfind(before); found != std::string_view::npos && found != 0;
         found = report.rfind(before, found - 1)) {
        auto rest = report.substr(found + before.size());
        if (!rest.starts_with(name) || !rest.substr(name.size()).starts_with(after)) {
            continue;
        }
        rest.remove_prefix(name.size() + after.size());
        std::uint64_t line = 0;
        std::from_chars(rest.data(), rest.data() + rest.size(), line);
        return line;
    }
    return 0;
}

} // namespace tally::storage
