#pragma once

#include <cstdint>
#include <string>
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

} // namespace tally::bench
