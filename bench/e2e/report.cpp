#include "bench/e2e/report.hpp"

#include <algorithm>
#include <cstdio>
#include <stdexcept>

namespace tally::bench {

double median(std::vector<double> values) {
    if (values.empty()) {
        throw std::invalid_argument{"median of nothing"};
    }
    std::sort(values.begin(), values.end());
    std::size_t const middle = values.size() / 2;
    return values.size() % 2 != 0 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

std::string fixed(double value, int decimals) {
    char text[64];
    std::snprintf(text, sizeof text, "%.*f", decimals, value);
    return text;
}

std::string thousands(double per_second) {
    return fixed(per_second / 1e3, 1) + " k";
}

std::string megabytes(double bytes) {
    return fixed(bytes / 1e6, 0) + " MB";
}

} // namespace tally::bench
