#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace tally::bench {

/// The median; of an even number of values, the mean of the two middle ones.
double median(std::vector<double> values);

/// "412.3 k" of 412345.
std::string thousands(double per_second);
/// "331 MB" (10^6).
std::string megabytes(double bytes);
/// A number with that many decimals.
std::string fixed(double value, int decimals);

/// The figures of a bench as one JSON object, in the order in which they were added.
class json_report {
  public:
    void add(std::string_view name, double value);
    void add(std::string_view name, std::string_view text);
    /// Throws std::runtime_error when the file cannot be written.
    void write(std::filesystem::path const& file) const;

  private:
    std::string members_; ///< with a comma before each
};

} // namespace tally::bench
