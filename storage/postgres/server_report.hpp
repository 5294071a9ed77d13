#pragma once

#include <string>
#include <string_view>

struct pg_result;

namespace tally::storage {

/// libpq's message without the line ends behind it.
std::string trimmed_message(char const* message);

/// A field of an error report (PG_DIAG_...), or empty.
std::string_view report_field(pg_result const* r, int code) noexcept;

/// The server's SQLSTATE in the verbose report of a connection it refused ("FATAL:  28P01: ...",
/// whatever the language of the first word); libpq gives no better access to it.
std::string sqlstate_of_refusal(std::string_view message);

} // namespace tally::storage
