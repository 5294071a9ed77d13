#include "config/settings_table.hpp"

#include "config/quantity_text.hpp"
#include "config/text_rules.hpp"

namespace tally::config {
namespace {

using s = settings;

constexpr std::int64_t kib = 1024;
constexpr std::int64_t mib = 1024 * kib;
constexpr std::int64_t gib = 1024 * mib;
constexpr std::int64_t tib = 1024 * gib;
constexpr std::int64_t hour_ms = 3'600'000;
// A hundred years of 365.25 days.
constexpr std::int64_t century_days = 36'525;

constexpr std::string_view listen_rule = "IP address and port";
constexpr std::string_view folder_rule = "path of a folder";

// One function for each kind of row, so that the table reads as a table.
constexpr text_setting listen(std::string s::*member) {
    return {member, complain_about_listen, listen_rule};
}

constexpr text_setting folder(std::string s::*member) {
    return {member, complain_about_folder, folder_rule};
}

constexpr number_setting count(std::int64_t s::*member, std::int64_t min, std::int64_t max) {
    return {member, min, max, unit::none};
}

constexpr number_setting bytes(std::int64_t s::*member, std::int64_t min, std::int64_t max) {
    return {member, min, max, unit::bytes};
}

constexpr number_setting milliseconds(std::int64_t s::*member, std::int64_t min, std::int64_t max) {
    return {member, min, max, unit::milliseconds};
}

constexpr number_setting seconds(std::int64_t s::*member) {
    // Without suffixes: the unit of such a setting is a part of its key (retain_s).
    return {member, 0, century_days * 86'400, unit::none};
}

constexpr number_setting days(std::int64_t s::*member, std::int64_t min) {
    return {member, min, century_days, unit::days};
}

// The bounds reject typing mistakes. They do not promise that the largest value makes sense on
// every machine.
constexpr setting table[] = {
    // Rows are in groups by section: sample_file() begins a section where its name changes.
    {"environment",
     text_setting{&s::environment, complain_about_environment,
                  "one of development, test, staging, production"},
     "what this installation is for; production refuses demo data, migrate down and migrate redo"},
    {"data_dir", folder(&s::data_dir),
     "where the embedded PostgreSQL keeps its cluster; unused with a database.url"},
    {"lanes", count(&s::lanes, 1, 256),
     "workers that rate and write, each with one database connection"},
    {"lane_memory_bytes_max", bytes(&s::lane_memory_bytes_max, mib, tib),
     "memory for input in progress, over all lanes; more input is refused with 503"},

    {"database.url",
     text_setting{&s::database_url, complain_about_database_url, "libpq URI or keywords, or empty"},
     "PostgreSQL 14 or newer to write to; empty starts an embedded one"},

    {"postgres.user", text_setting{&s::postgres_user, accept_any_text, "system user, or empty"},
     "user the embedded PostgreSQL runs as when tallyd runs as root; empty: postgres, else nobody"},
    {"postgres.bin_dir",
     text_setting{&s::postgres_bin_dir, accept_any_text, "path of a folder, or empty"},
     "where initdb and postgres are; empty: the newest version installed"},

    {"http.listen", listen(&s::http_listen), "address that takes records over HTTP"},
    {"http.threads", count(&s::http_threads, 1, 256), "threads that read and decode requests"},
    {"http.body_bytes_max", bytes(&s::http_body_bytes_max, kib, gib),
     "largest request body, as sent and as expanded; a larger one gets 413"},
    {"http.connections_max", count(&s::http_connections_max, 1, 100'000),
     "connections that may be open at once"},
    {"http.read_timeout_ms", milliseconds(&s::http_read_timeout_ms, 10, hour_ms),
     "how long a client may stall within a request"},
    {"http.idle_timeout_ms", milliseconds(&s::http_idle_timeout_ms, 10, 24 * hour_ms),
     "how long a connection may stay open between requests"},
    {"http.commit_timeout_ms", milliseconds(&s::http_commit_timeout_ms, 10, hour_ms),
     "how long a push waits to be durable before it gets 503"},

    {"tcp.listen", text_setting{&s::tcp_listen, complain_about_tcp_listen, "host:port, or empty"},
     "address that takes records as lines over TCP; empty: none"},
    {"tcp.connections_max", count(&s::tcp_connections_max, 1, 100'000),
     "TCP connections that may be open at once"},
    {"tcp.idle_timeout_ms", milliseconds(&s::tcp_idle_timeout_ms, 10, 24 * hour_ms),
     "how long a TCP connection may send nothing"},

    {"admin.listen", listen(&s::admin_listen),
     "address of /metrics, /healthz, /readyz and /status"},

    {"journal.dir", folder(&s::journal_dir),
     "folder of the journal, which keeps pushes until they are in PostgreSQL; one per daemon"},
    {"journal.max_bytes", bytes(&s::journal_max_bytes, mib, 1024 * tib),
     "disk space for pushes that are not in PostgreSQL; when it is full, pushes get 503"},
    {"journal.retain_s", seconds(&s::journal_retain_s),
     "how long stored pushes are kept, in case the database goes back to an older state"},
    {"journal.retain_bytes", bytes(&s::journal_retain_bytes, 0, 1024 * tib),
     "disk space for stored pushes, besides journal.max_bytes; the oldest go first"},

    {"batch.max_rows", count(&s::batch_max_rows, 1, 10'000'000),
     "maximum number of records in one transaction"},
    {"batch.max_linger_ms", milliseconds(&s::batch_max_linger_ms, 0, 60'000),
     "how long a batch waits for more records under low load"},
    {"batch.max_grow_ms", milliseconds(&s::batch_max_grow_ms, 0, 10'000),
     "how long a large batch may grow while its calls are written; 0: not at all"},

    {"partitions.ahead_days", days(&s::partitions_ahead_days, 1),
     "how far in advance daily partitions are created"},
    {"partitions.past_days", days(&s::partitions_past_days, 0),
     "age of the oldest record that may be stored"},
    {"partitions.future_days", days(&s::partitions_future_days, 0),
     "how far in the future a record may start"},
    {"partitions.index_policy",
     text_setting{&s::partitions_index_policy, complain_about_index_policy, "one of sealed, eager"},
     "sealed: a partition gets its further indexes when its time is over; eager: from the start"},
    {"partitions.seal_after_hours", count(&s::partitions_seal_after_hours, 0, century_days * 24),
     "hours from a partition's end, or its creation if that is later, to its sealing"},

    {"maintenance.enabled", flag_setting{&s::maintenance_enabled},
     "whether `tallyd run` itself seals partitions and runs the jobs of `tallyd maintain`"},
    {"maintenance.time_zone",
     text_setting{&s::maintenance_time_zone, complain_about_time_zone, "IANA time zone"},
     "zone of the times below"},
    {"maintenance.daily_at",
     text_setting{&s::maintenance_daily_at, complain_about_daily_at, "HH:MM"},
     "when expired tokens are cleaned up and subscriptions expire, every day"},
    {"maintenance.weekly_at",
     text_setting{&s::maintenance_weekly_at, complain_about_weekly_at, "DAY HH:MM"},
     "when unused sessions are cleaned up, every week"},
    {"maintenance.batches_kept_days", days(&s::maintenance_batches_kept_days, 1),
     "how long a row of ingest.batches is kept; those of imports stay"},

    {"suspense.auto_attempts_max", count(&s::suspense_auto_attempts_max, 0, 1'000),
     "how often the daemon retries a suspended record before it waits for an operator; 0: never"},

    {"drain.timeout_ms", milliseconds(&s::drain_timeout_ms, 0, hour_ms),
     "how long a stop may take before work in progress is abandoned without acknowledgment"},

    {"log.level",
     text_setting{&s::log_level, complain_about_log_level,
                  "one of trace, debug, info, warn, error"},
     "least important message that is logged"},
    {"log.format", text_setting{&s::log_format, complain_about_log_format, "one of text, json"},
     "text: key=value for people; json: one object per line"},
};

std::string bounds_text(number_setting const& row) {
    return quantity_text(row.min, row.counts) + " to " + quantity_text(row.max, row.counts);
}

std::string number_form(number_setting const& row) {
    auto const suffixes = quantity_suffixes(row.counts);
    if (suffixes.empty()) {
        return "must be a whole number";
    }
    return "must be a whole number of " + std::string{unit_name(row.counts)} +
           ", alone or with one of " + std::string{suffixes};
}

} // namespace

std::span<setting const> settings_table() noexcept {
    return table;
}

std::optional<std::size_t> find_setting(std::string_view key) noexcept {
    // A linear search: settings are read at start-up and on SIGHUP only.
    for (std::size_t i = 0; i < std::size(table); ++i) {
        if (table[i].key == key) {
            return i;
        }
    }
    return std::nullopt;
}

std::string environment_name(std::string_view key) {
    // "http.listen" is TALLYD_HTTP_LISTEN: a variable's name has no dot.
    std::string name = "TALLYD_";
    for (char const c : key) {
        bool const is_lower = c >= 'a' && c <= 'z';
        name += is_lower ? static_cast<char>(c - 'a' + 'A') : (c == '.' ? '_' : c);
    }
    return name;
}

std::string_view section_of(std::string_view key) noexcept {
    auto const dot = key.rfind('.');
    return dot == std::string_view::npos ? std::string_view{} : key.substr(0, dot);
}

std::string value_text(setting const& row, settings const& values) {
    if (auto const* number = std::get_if<number_setting>(&row.value)) {
        return std::to_string(values.*number->member);
    }
    if (auto const* flag = std::get_if<flag_setting>(&row.value)) {
        return values.*flag->member ? "true" : "false";
    }
    return '"' + values.*std::get<text_setting>(row.value).member + '"';
}

std::string_view unit_name(unit counts) noexcept {
    switch (counts) {
    case unit::bytes:
        return "bytes";
    case unit::milliseconds:
        return "milliseconds";
    case unit::days:
        return "days";
    case unit::none:
        break;
    }
    return {};
}

std::optional<std::string> set_from_text(setting const& row, std::string_view text,
                                         settings& values) {
    if (auto const* number = std::get_if<number_setting>(&row.value)) {
        // Text of the environment, or text in quotes in the file: both may have a suffix.
        auto const parsed = parse_quantity(text, number->counts);
        return parsed ? set_number(*number, *parsed, values) : number_form(*number);
    }

    // Only these two words: "yes", "1" and "on" differ from file to file, and TOML has none of
    // them.
    if (auto const* flag = std::get_if<flag_setting>(&row.value)) {
        if (text != "true" && text != "false") {
            return "must be true or false";
        }
        values.*flag->member = text == "true";
        return std::nullopt;
    }

    auto const& target = std::get<text_setting>(row.value);
    auto complaint = target.complaint(text);
    if (!complaint) {
        // Only a valid value is stored: after a problem the default remains, and later checks can
        // rely on it.
        values.*target.member = text;
    }
    return complaint;
}

std::optional<std::string> set_number(number_setting const& row, std::int64_t number,
                                      settings& values) {
    if (number < row.min || number > row.max) {
        return "must be " + bounds_text(row);
    }
    values.*row.member = number;
    return std::nullopt;
}

} // namespace tally::config
