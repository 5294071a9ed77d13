#pragma once

#include "ingest/base/uuid.hpp"
#include "ingest/record/number_rules.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tally::ingest {

/// What to do with the second record of a call, which a switch writes for the called leg.
enum class b_leg_policy : std::uint8_t { accept, skip };

/// Whether strings of a FreeSWITCH record are percent-decoded (mod_json_cdr's encode-values).
enum class percent_policy : std::uint8_t {
    automatic, ///< a value that contains %XX is decoded
    always,
    never,
};

/// A sender of records, and the settings for reading what it sends (table ingest.sources).
struct source {
    uuid id;
    std::string name = "local";
    std::array<std::uint8_t, 32> token_sha256{}; ///< all zero: pushes without a token
    bool has_token = false;
    bool is_active = true;
    std::vector<std::string> formats; ///< allowed ones; empty: all
    std::string time_zone = "UTC";    ///< IANA name, for times without a zone
    b_leg_policy b_legs = b_leg_policy::accept;
    percent_policy percent = percent_policy::automatic;
    number_rules numbers;                          ///< applied to callers and destinations
    std::size_t body_bytes_max = 16 * 1024 * 1024; ///< of a push, both as sent and as expanded
    std::size_t record_bytes_max = 1024 * 1024;    ///< of one record

    friend bool operator==(source const&, source const&) = default;
};

/// All sources at one moment; replaced as a whole when the table changes.
class source_table {
  public:
    explicit source_table(std::vector<source> sources);

    /// The source with this token, active or not, or nullptr. Compares digests in constant time.
    [[nodiscard]] source const* by_token(std::string_view token) const noexcept;
    [[nodiscard]] source const* by_name(std::string_view name) const noexcept;
    /// The source of pushes without a token ("local"). Always there.
    [[nodiscard]] source const& local() const noexcept { return sources_.front(); }
    /// Whether any source has a token; if none has, loopback may push without one.
    [[nodiscard]] bool any_token() const noexcept { return any_token_; }
    [[nodiscard]] std::vector<source> const& all() const noexcept { return sources_; }

  private:
    std::vector<source> sources_; ///< the local one first
    bool any_token_ = false;
};

/// SHA-256 of a token: what the table stores instead of it.
std::array<std::uint8_t, 32> token_digest(std::string_view token) noexcept;

} // namespace tally::ingest
