#include "daemon/cli/logging.hpp"

#include "storage/postgres/sql_session.hpp"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace tally::daemon {

namespace {

/// Writes the message as the content of a JSON string, escaped where JSON requires it.
class json_message final : public spdlog::custom_flag_formatter {
  public:
    void format(spdlog::details::log_msg const& message, std::tm const& /*time*/,
                spdlog::memory_buf_t& out) override {
        for (char const c : message.payload) {
            append(c, out);
        }
    }
    [[nodiscard]] std::unique_ptr<custom_flag_formatter> clone() const override {
        return std::make_unique<json_message>();
    }

  private:
    static void append(char c, spdlog::memory_buf_t& out) {
        auto const put = [&out](std::string_view text) {
            out.append(text.data(), text.data() + text.size());
        };
        if (c == '"' || c == '\\') {
            out.push_back('\\');
            out.push_back(c);
        } else if (c == '\n') {
            put("\\n");
        } else if (static_cast<unsigned char>(c) < 0x20) {
            put(" ");
        } else {
            out.push_back(c);
        }
    }
};

void log_notice(std::string_view severity, std::string_view message) {
    spdlog::warn("event=server_notice severity={} message=\"{}\"", severity, message);
}

} // namespace

void set_up_log(std::string_view level, std::string_view format) {
    // UTC, so that lines of several machines can be put side by side.
    auto formatter = std::make_unique<spdlog::pattern_formatter>(spdlog::pattern_time_type::utc);
    if (format == "json") {
        formatter->add_flag<json_message>('*').set_pattern(
            R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l","message":"%*"})");
    } else {
        formatter->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ level=%l %v");
    }

    // Standard error is the log: supervisors collect it, and it needs no file to be rotated.
    auto logger = std::make_shared<spdlog::logger>(
        "tallyd", std::make_shared<spdlog::sinks::stderr_sink_mt>());

    logger->set_formatter(std::move(formatter));

    // Flushed at every line: the last one before a crash is the one that is needed.
    logger->flush_on(spdlog::level::trace);
    spdlog::set_default_logger(std::move(logger));
    set_log_level(level);

    // Notices of the server reach the log here, because storage/ does not log.
    storage::log_server_notices(log_notice);
}

void set_up_command_log(std::string_view level, std::string_view format) {
    set_up_log(level == "info" ? "warn" : level, format);
}

void set_log_level(std::string_view level) {
    spdlog::set_level(spdlog::level::from_str(std::string{level}));
}

} // namespace tally::daemon
