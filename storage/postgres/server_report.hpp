#pragma once

#include "storage/postgres/result.hpp"

#include <string>
#include <string_view>

struct pg_result;

namespace tally::storage {

/// The parts of a server's error report. Texts are empty where the report has none.
struct server_report {
    std::string message;
    std::string detail;
    std::string hint;
    std::string text; ///< the whole report on several lines, with the location in the statement
};

/// The failure that a server reports: its class and its words.
result failure_of(pg_result const* r);

/// A message of libpq without trailing line ends and blanks.
std::string trimmed_message(char const* message);

/// A field of an error report (PG_DIAG_...); empty if the report does not have it.
std::string_view report_field(pg_result const* r, int code) noexcept;

/// The SQLSTATE in the verbose message of a refused connection ("FATAL:  28P01: ...", where the
/// first word depends on the server's language). libpq gives no better access to it.
std::string sqlstate_of_refusal(std::string_view message);

/// The same message as an operator needs it: without SQLSTATE, and without the lines that name a
/// location in the server's source code.
std::string plain_refusal(std::string_view message);

} // namespace tally::storage
