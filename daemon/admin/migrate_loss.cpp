#include "daemon/admin/migrate_loss.hpp"

#include "daemon/cli/table_printer.hpp"
#include "ingest/text/joined.hpp"

#include <algorithm>
#include <span>

namespace tally::daemon {
namespace {

/// The number of names that are listed at most; the others are counted.
constexpr std::size_t names_max = 12;

/// The question has to fit a terminal, whatever the number of tables.
std::string listed(std::span<std::string const> names) {
    auto const shown = names.first(std::min(names.size(), names_max));
    auto const left_out = names.size() - shown.size();
    return ingest::joined(shown, ", ") +
           (left_out > 0 ? " and " + std::to_string(left_out) + " more" : "");
}

} // namespace

std::string describe_loss(storage::migration_loss const& loss, std::string const& database) {
    // The migrations and the database first: a wrong version or a wrong server shows at once.
    std::vector<std::string> migrations;
    for (auto const& migration : loss.migrations) {
        migrations.push_back(storage::migration_label(migration.version, migration.name));
    }
    std::string text = "revert " + listed(migrations) + " in " + database;

    if (loss.tables.empty()) {
        return text + ", with the data of every column that it added";
    }

    // Rounded up, so that a table with one row is not shown as empty.
    auto const kib = static_cast<std::uint64_t>((loss.bytes + 1023) / 1024);
    return text + ", and drop " + std::to_string(loss.tables.size()) +
           (loss.tables.size() == 1 ? " table" : " tables") + " with all rows (" + grouped(kib) +
           " KiB): " + listed(loss.tables);
}

} // namespace tally::daemon
