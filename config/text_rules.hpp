#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tally::config {

/// An address to listen on.
struct listen_address {
    std::string host;       ///< IPv4 or IPv6 address, without brackets
    std::uint16_t port = 0; ///< 0: any free port

    friend bool operator==(listen_address const&, listen_address const&) = default;
};

/// Reads "127.0.0.1:8080", "[::1]:8080" or "localhost:8080" (which is 127.0.0.1). Other host names
/// are refused: the daemon must be able to start without a resolver.
std::optional<listen_address> parse_listen(std::string_view text);

/// A time of day, on every day or on one day of the week.
struct appointment {
    std::int32_t minute_of_day = 0;
    std::int32_t weekday = -1; ///< 0: Sunday to 6: Saturday; -1: every day

    friend bool operator==(appointment const&, appointment const&) = default;
};

/// Reads "02:00" and "sunday 03:00".
std::optional<appointment> parse_appointment(std::string_view text);

/// The rules of text settings. Each returns the fault of a value as "must be ...", and nullopt for
/// a valid value.
std::optional<std::string> complain_about_listen(std::string_view value);
std::optional<std::string> complain_about_tcp_listen(std::string_view value);
std::optional<std::string> complain_about_folder(std::string_view value);
std::optional<std::string> complain_about_database_url(std::string_view value);
std::optional<std::string> complain_about_environment(std::string_view value);
std::optional<std::string> complain_about_log_level(std::string_view value);
std::optional<std::string> complain_about_log_format(std::string_view value);
std::optional<std::string> complain_about_index_policy(std::string_view value);
std::optional<std::string> complain_about_time_zone(std::string_view value);
std::optional<std::string> complain_about_daily_at(std::string_view value);
std::optional<std::string> complain_about_weekly_at(std::string_view value);
std::optional<std::string> accept_any_text(std::string_view value);

/// A connection string or URI with every password in it replaced by "***". In doubt it hides more
/// than the password.
std::string masked_url(std::string_view url);

} // namespace tally::config
