#pragma once

#include "ingest/http/http_message.hpp"
#include "ingest/record/source.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <variant>

namespace tally::ingest {

/// The token of an Authorization field: "Bearer <token>", or the password of "Basic", which is all
/// that FreeSWITCH's `cred` can send. Empty when there is none.
std::string credential_token(std::string_view authorization);

/// Whose push it is, or the 401 or 403 that answers it. While no source has a token, requests from
/// this machine itself are the local source's; the pointer keeps the whole table alive.
std::variant<std::shared_ptr<source const>, http_response>
authorize_push(http_head const& head, std::shared_ptr<source_table const> const& sources);

/// Whether the source may send that format. An empty list allows all.
bool allows_format(source const& from, std::string_view format_name) noexcept;

} // namespace tally::ingest
