#include "config/text_rules.hpp"
#include "daemon/cli/command.hpp"
#include "daemon/cli/table_printer.hpp"

#include <CLI/CLI.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <simdjson.h>

#include <ctime>
#include <iostream>
#include <stdexcept>

// tallyd status: prints what the admin endpoint of a running daemon reports.

namespace tally::daemon {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace dom = simdjson::dom;

/// The endpoint answers from memory: one that takes longer hangs, or is not tallyd.
constexpr std::chrono::seconds response_time_max{5};

/// The status of a daemon has a few KiB: a larger response is not from tallyd.
constexpr std::uint64_t response_bytes_max = 4 * 1024 * 1024;

/// The address to connect to for a listener on `listen`: loopback for a wildcard address.
asio::ip::tcp::endpoint endpoint_of(std::string const& listen) {
    auto const location = config::parse_listen(listen);
    if (!location) {
        throw std::runtime_error{"admin.listen is not an address: " + listen};
    }
    auto address = asio::ip::make_address(location->host);

    // A wildcard is an address to listen on, not one to connect to.
    if (address.is_unspecified()) {
        address = address.is_v6() ? asio::ip::address{asio::ip::address_v6::loopback()}
                                  : asio::ip::address{asio::ip::address_v4::loopback()};
    }
    return {address, location->port};
}

asio::awaitable<http::response<http::string_body>> ask(asio::ip::tcp::endpoint location) {
    beast::tcp_stream stream{co_await asio::this_coro::executor};

    // One deadline for everything: connect, request and response.
    stream.expires_after(response_time_max);
    co_await stream.async_connect(location, asio::use_awaitable);

    http::request<http::empty_body> request{http::verb::get, "/status", 11};
    request.set(http::field::host, location.address().to_string());
    request.set(http::field::connection, "close");
    co_await http::async_write(stream, request, asio::use_awaitable);

    // Another server on this port may send anything, so the response is bounded.
    beast::flat_buffer buffer;
    http::response_parser<http::string_body> parser;
    parser.body_limit(response_bytes_max);
    co_await http::async_read(stream, buffer, parser, asio::use_awaitable);
    co_return parser.release();
}

/// Returns the body of /status. Throws std::runtime_error whose text says what to do.
std::string fetch_status(std::string const& listen) {
    // One request with one deadline: this thread runs the context until it is answered or fails.
    asio::io_context context;
    http::response<http::string_body> response;
    std::exception_ptr failure;
    asio::co_spawn(context, ask(endpoint_of(listen)),
                   [&](std::exception_ptr thrown, http::response<http::string_body> received) {
                       failure = std::move(thrown);
                       response = std::move(received);
                   });

    context.run();

    // The text says what to do, since the usual cause is that the daemon does not run.
    try {
        if (failure) {
            std::rethrow_exception(failure);
        }
    } catch (boost::system::system_error const& error) {
        throw std::runtime_error{"no tallyd answers at " + listen + " (" + error.code().message() +
                                 "): is `tallyd run` running, with the same admin.listen?"};
    }
    if (response.result() != http::status::ok) {
        throw std::runtime_error{"the server at " + listen + " answers /status with " +
                                 std::to_string(response.result_int()) + ": is it tallyd?"};
    }
    return std::move(response.body());
}

/// "2 d 3 h", "4 min 10 s": the two largest units.
std::string span_text(std::int64_t seconds) {
    struct unit {
        std::int64_t seconds;
        char const* name;
    };

    constexpr unit units[] = {{86'400, " d"}, {3'600, " h"}, {60, " min"}, {1, " s"}};
    for (auto const* u = std::begin(units); u != std::end(units) - 1; ++u) {
        if (seconds >= u->seconds) {
            auto const& smaller = u[1];
            return std::to_string(seconds / u->seconds) + u->name + " " +
                   std::to_string(seconds % u->seconds / smaller.seconds) + smaller.name;
        }
    }
    return std::to_string(seconds) + " s";
}

/// "-" for null, and for a member that the daemon does not send because it is older or newer.
std::string count_at(dom::element const& parent, char const* pointer) {
    std::uint64_t number = 0;
    return parent.at_pointer(pointer).get(number) == simdjson::SUCCESS ? grouped(number) : "-";
}

std::string span_at(dom::element const& parent, char const* pointer) {
    std::int64_t seconds = 0;
    return parent.at_pointer(pointer).get(seconds) == simdjson::SUCCESS ? span_text(seconds) : "-";
}

bool is_true(dom::element const& parent, char const* pointer) {
    bool value = false;
    return parent.at_pointer(pointer).get(value) == simdjson::SUCCESS && value;
}

std::string text_at(dom::element const& parent, char const* pointer) {
    std::string_view text;
    return parent.at_pointer(pointer).get(text) == simdjson::SUCCESS ? printable(text) : "";
}

std::string readiness(dom::element const& status) {
    if (is_true(status, "/ready")) {
        return "ready";
    }

    // All reasons on one line: they often have one cause.
    std::string text = "NOT READY:";
    dom::array reasons;
    if (status.at_pointer("/reasons").get(reasons) == simdjson::SUCCESS) {
        for (auto const reason : reasons) {
            std::string_view word;
            if (reason.get(word) == simdjson::SUCCESS) {
                text += ' ' + printable(word);
            }
        }
    }
    return text;
}

/// Down is not an alarm by itself: the journal takes records meanwhile.
std::string database_text(dom::element const& status) {
    if (is_true(status, "/database/up")) {
        return "up";
    }
    auto const detail = text_at(status, "/database/detail");
    return detail.empty() ? "down" : "down: " + detail;
}

std::string journal_text(dom::element const& status) {
    // The daemon may be older or newer than this command, so no member is taken for granted.
    std::uint64_t bytes = 0;
    std::int64_t oldest_s = 0;
    bool full = false;
    if (status.at_pointer("/journal/bytes").get(bytes) != simdjson::SUCCESS ||
        status.at_pointer("/journal/oldest_s").get(oldest_s) != simdjson::SUCCESS ||
        status.at_pointer("/journal/full").get(full) != simdjson::SUCCESS) {
        return "unknown";
    }
    std::string const waits =
        oldest_s == 0 ? "nothing waits" : "oldest waits " + span_at(status, "/journal/oldest_s");
    return std::to_string(bytes >> 20) + " MiB, " + waits + (full ? ", FULL" : "");
}

/// A line per gap. The last record is shown, not the one after it.
void add_missing(table_printer& facts, dom::element const& status) {
    dom::array gaps;
    if (status.at_pointer("/journal/missing").get(gaps) != simdjson::SUCCESS) {
        return;
    }
    for (dom::element const gap : gaps) {
        std::uint64_t end = 0;
        if (gap.at_pointer("/end_record").get(end) == simdjson::SUCCESS && end > 0) {
            facts.add({"RECORDS MISSING", text_at(gap, "/stream") + ": " +
                                              count_at(gap, "/first_record") + " to " +
                                              grouped(end - 1)});
        }
    }
}

void print_facts(dom::element const& status) {
    table_printer facts{{{"what"}, {"now"}}};

    // What may need the operator comes first; the counts follow.
    facts.add({"database", database_text(status)});
    facts.add({"partitions reach", span_at(status, "/database/partition_horizon_s") + " ahead"});
    facts.add({"journal", journal_text(status)});
    add_missing(facts, status);

    facts.add({"catalog read", span_at(status, "/catalog/age_s") + " ago"});

    for (auto const& [name, pointer] : {std::pair{"sources", "/catalog/sources"},
                                        {"accounts", "/catalog/accounts"},
                                        {"subscriptions", "/catalog/subscriptions"},
                                        {"prefixes", "/catalog/rate_prefixes"},
                                        {"HTTP connections", "/http_connections"},
                                        {"TCP connections", "/tcp_connections"},
                                        {"records received", "/records/received"},
                                        {"  accepted", "/records/accepted"},
                                        {"  rejected", "/records/rejected"},
                                        {"  committed", "/records/committed"},
                                        {"  duplicate", "/records/duplicate"},
                                        {"  suspended", "/records/suspended"}}) {
        facts.add({name, count_at(status, pointer)});
    }
    facts.print(std::cout);
}

void print_lanes(dom::element const& status) {
    dom::array lanes;
    if (status.at_pointer("/lanes").get(lanes) != simdjson::SUCCESS || lanes.size() == 0) {
        return;
    }

    table_printer table{
        {{"lane"}, {"records waiting", table_align::right}, {"last commit", table_align::right}}};
    for (dom::element const lane : lanes) {
        std::int64_t committed_s = 0;
        bool const has_committed =
            lane.at_pointer("/last_commit_s").get(committed_s) == simdjson::SUCCESS;

        // The clock of the daemon's machine may be ahead of ours.
        auto const ago_s = std::max<std::int64_t>(0, std::time(nullptr) - committed_s);
        table.add({count_at(lane, "/lane"), count_at(lane, "/queue_records"),
                   has_committed ? span_text(ago_s) + " ago" : "none yet"});
    }
    std::cout << '\n';
    table.print(std::cout);
}

void print_status(std::string const& listen, std::string const& body) {
    // Any server may answer on this port, so the body is checked before it is shown.
    dom::parser parser;
    dom::element status;
    dom::object object;
    if (parser.parse(body).get(status) != simdjson::SUCCESS ||
        status.get(object) != simdjson::SUCCESS) {
        throw std::runtime_error{"the server at " + listen +
                                 " is not tallyd: its /status is not JSON"};
    }

    std::cout << "tallyd " << text_at(status, "/version") << ", up " << span_at(status, "/uptime_s")
              << ", " << readiness(status) << "\n\n";
    print_facts(status);
    print_lanes(status);
}

} // namespace

void add_status_command(CLI::App& app, command_environment& environment) {
    auto* command = app.add_subcommand("status", "show the state of a running daemon");
    auto as_json = std::make_shared<bool>(false);
    command->add_flag("--json", *as_json, "the daemon's JSON as it is, instead of tables");
    command->callback([as_json, &environment] {
        // The same settings file as the daemon's tells where it listens.
        auto const settings = environment.load_settings();
        auto const body = fetch_status(settings.admin_listen);
        if (*as_json) {
            std::cout << body << (body.ends_with('\n') ? "" : "\n");
        } else {
            print_status(settings.admin_listen, body);
        }
    });
}

} // namespace tally::daemon
