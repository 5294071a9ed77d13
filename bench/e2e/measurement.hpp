#pragma once

#include "bench/e2e/plain_copy.hpp"
#include "bench/e2e/report.hpp"
#include "bench/e2e/test_bed.hpp"

#include <cstdint>
#include <string_view>
#include <vector>

namespace tally::bench {

/// One measurement of storing all the calls, by tallyd or by plain COPY.
struct measurement {
    double wall_s = 0;
    double client_cpu_s = 0; ///< of tallyd, or of the program that feeds COPY
    double server_cpu_s = 0; ///< of all of PostgreSQL's processes
    std::int64_t wal_bytes = 0;
    long memory_max_kb = 0; ///< of tallyd
};

/// The resources that the server used between two moments, both with everything on disk.
class server_meter {
  public:
    explicit server_meter(test_bed& bed);
    void read(measurement& into);

  private:
    test_bed& bed_;
    double cpu_before_s_;
    std::int64_t wal_before_;
};

/// Measures plain COPY of the stored rows: reads the rows, empties the table, writes the rows again
/// and checks their number and their cost.
struct copied {
    measurement seen;
    std::uint64_t bytes = 0;
};
copied measure_plain_copy(test_bed& bed, std::string const& cost);

/// The measurements of tallyd and of plain COPY, run by run.
class comparison {
  public:
    comparison(std::string_view label, double records) : label_{label}, records_{records} {}

    void add(measurement const& ours, copied const& plain, std::string const& cost);
    void print_medians() const;
    void add_medians(json_report& report) const;

  private:
    std::string label_;
    double records_;
    std::vector<double> our_rates_;
    std::vector<double> plain_rates_;
    std::vector<double> ratios_;
};

/// Prints the machine, the server and the work.
void print_head(test_bed& bed);
/// The same as the begin of a bench's figures.
json_report begin_report(test_bed& bed);

} // namespace tally::bench
