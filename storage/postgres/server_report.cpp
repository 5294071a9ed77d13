#include "storage/postgres/server_report.hpp"

#include <algorithm>
#include <libpq-fe.h>

namespace tally::storage {

std::string trimmed_message(char const* message) {
    std::string text = message == nullptr ? "" : message;
    while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) {
        text.pop_back();
    }
    return text;
}

std::string_view report_field(pg_result const* r, int code) noexcept {
    char const* const text = PQresultErrorField(r, code);
    return text == nullptr ? std::string_view{} : text;
}

std::string sqlstate_of_refusal(std::string_view message) {
    std::size_t const colon = message.find(":  ");
    if (colon == std::string_view::npos || message.size() < colon + 9 ||
        message[colon + 8] != ':') {
        return {};
    }
    std::string_view const code = message.substr(colon + 3, 5);
    bool const plausible = std::all_of(code.begin(), code.end(), [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z');
    });
    return plausible ? std::string{code} : std::string{};
}

} // namespace tally::storage
