#include "bench/e2e/report.hpp"

#include "ingest/json/text.hpp"

#include <algorithm>
#include <cstdio>
#include <fstream>
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

void json_report::add(std::string_view name, double value) {
    constexpr int decimals = 6;
    members_.append(",\"").append(name).append("\":").append(fixed(value, decimals));
}

void json_report::add(std::string_view name, std::string_view text) {
    std::string object;
    ingest::json_object_writer writer{object};
    writer.member(name, text);
    members_.append(",").append(object, 1); // without its brace
}

void json_report::write(std::filesystem::path const& file) const {
    std::ofstream out{file};
    out << '{' << std::string_view{members_}.substr(members_.empty() ? 0 : 1) << "}\n";
    out.close();
    if (!out) {
        throw std::runtime_error{"cannot write " + file.string()};
    }
}

} // namespace tally::bench
