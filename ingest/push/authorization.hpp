#pragma once

#include "ingest/http/message.hpp"
#include "ingest/record/authorization.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <variant>

namespace tally::ingest {

/// The token of an Authorization field: of "Bearer <token>", or the password of "Basic", which is
/// all that FreeSWITCH's `cred` can send. Empty if there is none.
std::string credential_token(std::string_view authorization);

/// authorize() for a request: the source, or the 401 or 403 response. While no source has a token,
/// requests of a browser are refused as well.
std::variant<std::shared_ptr<source const>, http_response>
authorize_push(http_head const& head, std::shared_ptr<source_table const> const& sources);

} // namespace tally::ingest
