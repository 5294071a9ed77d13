#pragma once

#include "bench/e2e/report.hpp"
#include "bench/e2e/test_bed.hpp"

#include <filesystem>

namespace tally::bench {

/// Stores the sample calls by `tallyd import`, measures plain COPY of the finished rows, and lets a
/// script (bench/peers/run) measure other means to store them in the same table. The script gets
/// the server in TALLY_PEERS_DATABASE, an empty folder in TALLY_PEERS_FOLDER and the rate of plain
/// COPY in TALLY_PEERS_PLAIN. Throws when it fails.
json_report bench_peers(test_bed& bed, std::filesystem::path const& script);

} // namespace tally::bench
