#pragma once

#include "ingest/http/message.hpp"
#include "ingest/record/source.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <variant>

namespace tally::ingest {

/// The token of an Authorization field: of "Bearer <token>", or the password of "Basic", which is
/// all that FreeSWITCH's `cred` can send. Empty if there is none.
std::string credential_token(std::string_view authorization);

/// The source of a push, or the 401 or 403 response. While no source has a token, requests from
/// this machine belong to the local source. The pointer keeps the whole table alive.
std::variant<std::shared_ptr<source const>, http_response>
authorize_push(http_head const& head, std::shared_ptr<source_table const> const& sources);

/// Whether the source may send this format. An empty list allows all.
bool allows_format(source const& source, std::string_view format_name) noexcept;

} // namespace tally::ingest
