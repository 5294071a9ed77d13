#pragma once

#include "ingest/record/source.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

namespace tally::ingest {

/// The two answers to a sender that may not push. HTTP sends them as 401 and 403.
enum class refusal_kind : std::uint8_t {
    unauthorized, ///< another token may help
    forbidden,    ///< no other token helps
};

struct sender_refusal {
    refusal_kind kind = refusal_kind::forbidden;
    std::string detail; ///< one sentence for the sender

    friend bool operator==(sender_refusal const&, sender_refusal const&) = default;
};

/// The source of a sender, by its token; `token` is empty if it sent none. While no source has a
/// token, senders on this machine (`is_loopback`) are the local source. The rule is the same for
/// every protocol. The returned pointer keeps the whole table alive.
std::variant<std::shared_ptr<source const>, sender_refusal>
authorize(std::string_view token, bool is_loopback,
          std::shared_ptr<source_table const> const& sources);

/// Whether the source may send this format. An empty list allows all.
bool allows_format(source const& source, std::string_view format_name) noexcept;

} // namespace tally::ingest
