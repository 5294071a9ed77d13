#pragma once

#include <string>
#include <string_view>

struct pg_result;

namespace tally::storage {

/// A message of libpq without trailing line ends and blanks.
std::string trimmed_message(char const* message);

/// A field of an error report (PG_DIAG_...); empty if the report does not have it.
std::string_view report_field(pg_result const* r, int code) noexcept;

/// The SQLSTATE in the verbose message of a refused connection ("FATAL:  28P01: ...", where the
/// first word depends on the server's language). libpq gives no better access to it.
std::string sqlstate_of_refusal(std::string_view message);

} // namespace tally::storage
