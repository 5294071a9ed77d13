#include "storage/postgres/server_report.hpp"

#include "storage/postgres/failure_class.hpp"

#include <algorithm>
#include <libpq-fe.h>

namespace tally::storage {

namespace {

// As in "FATAL:  28P01: password authentication failed", with the verbosity PQERRORS_VERBOSE. A
// refused connection has no result whose fields could be asked for, only this text.
constexpr std::string_view before_code = ":  ";
constexpr std::size_t code_chars = 5;

bool is_code_char(char c) noexcept {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z');
}

/// The index of the SQLSTATE in a line of a verbose message; npos if it has none.
std::size_t index_of_code(std::string_view line) noexcept {
    std::size_t const colon = line.find(before_code);
    if (colon == std::string_view::npos) {
        return colon;
    }
    std::size_t const begin = colon + before_code.size();
    std::string_view const code = line.substr(begin, code_chars);
    bool const is_code = code.size() == code_chars && line.substr(begin + code_chars, 1) == ":" &&
                         std::all_of(code.begin(), code.end(), is_code_char);
    return is_code ? begin : std::string_view::npos;
}

/// Whether a line names a location in the server's source code, as in
/// "LOCATION:  auth_failed, auth.c:331".
bool is_code_location(std::string_view line) noexcept {
    std::size_t const file = line.rfind(".c:");
    return line.find(before_code) != std::string_view::npos && file != std::string_view::npos &&
           line.find_first_not_of("0123456789", file + 3) == std::string_view::npos;
}

} // namespace

result failure_of(pg_result const* r) {
    // The parts are copied: they are freed with the libpq result.
    std::string_view const sqlstate = report_field(r, PG_DIAG_SQLSTATE);
    server_report report{.message = std::string{report_field(r, PG_DIAG_MESSAGE_PRIMARY)},
                         .detail = std::string{report_field(r, PG_DIAG_MESSAGE_DETAIL)},
                         .hint = std::string{report_field(r, PG_DIAG_MESSAGE_HINT)},
                         .text = trimmed_message(PQresultErrorMessage(r))};

    // One line for the log. The context is a part of it, since copy_line() searches it for the row.
    std::string all = report.message;
    for (std::string_view const more :
         {std::string_view{report.detail}, std::string_view{report.hint},
          report_field(r, PG_DIAG_CONTEXT)}) {
        if (!more.empty()) {
            all.append("; ").append(more);
        }
    }
    return {classify(sqlstate, report_field(r, PG_DIAG_TABLE_NAME),
                     report_field(r, PG_DIAG_CONSTRAINT_NAME)),
            std::string{sqlstate}, std::move(all),
            std::make_shared<server_report const>(std::move(report))};
}

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
    std::size_t const index = index_of_code(message);
    return index == std::string_view::npos ? std::string{}
                                           : std::string{message.substr(index, code_chars)};
}

std::string plain_refusal(std::string_view message) {
    std::string plain;
    // Line by line: a host with several addresses has a report, with code and location, for each.
    while (!message.empty()) {
        std::string_view const line = message.substr(0, message.find('\n'));
        message.remove_prefix(std::min(line.size() + 1, message.size()));
        if (is_code_location(line)) {
            continue;
        }

        // Code and location are for machines and developers; an operator reads the rest.
        plain += plain.empty() ? "" : "\n";
        std::size_t const index = index_of_code(line);
        plain += line.substr(0, index);
        if (index != std::string_view::npos) {
            plain += line.substr(std::min(index + code_chars + 2, line.size()));
        }
    }
    return plain;
}

} // namespace tally::storage
