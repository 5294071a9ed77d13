#pragma once

#include "storage/postgres/pq_connection.hpp"
#include "storage/postgres/result.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace tally::storage {

/// The name of a partition, as in ingest.partitions.
struct partition_name {
    std::string table;     ///< "billing.cdrs"
    std::string partition; ///< "cdrs_p20260131", in the table's schema

    /// "billing.cdrs_p20260131"
    [[nodiscard]] std::string qualified() const;

    friend bool operator==(partition_name const&, partition_name const&) = default;
};

/// An index or foreign key that a sealed partition has and an open one does not.
struct partition_object {
    enum class progress : std::uint8_t {
        missing,
        unfinished, ///< an invalid index (CREATE was interrupted); a foreign key not validated
        ready,
    };
    std::string name;
    std::string definition; ///< of an index: the part after its name; of a foreign key: all
    progress state = progress::missing;
};

/// The objects that ingest.partitioned_tables requires of a sealed partition, and their progress.
expected<std::vector<partition_object>> find_indexes(pq_connection& connection,
                                                     partition_name const& partition);
expected<std::vector<partition_object>> find_foreign_keys(pq_connection& connection,
                                                          partition_name const& partition);

/// Builds the indexes of a partition that was just created and is empty. Writers wait.
result build_indexes_at_once(pq_connection& connection, partition_name const& partition);

} // namespace tally::storage
