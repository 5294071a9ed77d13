#include "tests/support/cutting_proxy.hpp"

#include "storage/postgres/sql_session.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <stdexcept>

namespace tally::tests {

namespace {

constexpr int poll_ms = 20;

sockaddr_un address_of(std::string const& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    return address;
}

int connect_to(std::string const& path) {
    int const made = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    auto const address = address_of(path);
    if (::connect(made, reinterpret_cast<sockaddr const*>(&address), sizeof address) != 0) {
        ::close(made);
        return -1;
    }
    return made;
}

bool is_readable(int socket, int timeout_ms) {
    pollfd one{socket, POLLIN, 0};
    return ::poll(&one, 1, timeout_ms) > 0;
}

bool send_all(int target, std::string_view bytes) {
    while (!bytes.empty()) {
        auto const sent = ::send(target, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent <= 0) {
            return false;
        }
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
}

/// Reads the bytes that are available; empty at the end of the connection.
std::string receive(int origin) {
    std::string bytes(1 << 20, '\0');
    auto const received = ::recv(origin, bytes.data(), bytes.size(), 0);
    bytes.resize(received > 0 ? static_cast<std::size_t>(received) : 0);
    return bytes;
}

} // namespace

cutting_proxy::cutting_proxy(std::string connection_string)
    : server_string_(std::move(connection_string)) {
    auto const server = storage::sql_session{server_string_, "test"}.address();
    socket_name_ = "/.s.PGSQL." + server.port;
    server_path_ = server.host + socket_name_;
    std::string name = "/tmp/tallyd-proxy-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) {
        throw std::runtime_error{"mkdtemp"};
    }
    folder_ = name;
    listener_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    auto const address = address_of(name + socket_name_);
    if (::bind(listener_, reinterpret_cast<sockaddr const*>(&address), sizeof address) != 0 ||
        ::listen(listener_, 8) != 0) {
        throw std::runtime_error{"bind"};
    }
    accepting_ = std::jthread{[this] { accept_all(); }};
}

cutting_proxy::~cutting_proxy() {
    stopping_ = true;
    accepting_.join();
    for (auto& each : connections_) {
        each.join();
    }
    ::close(listener_);
    std::filesystem::remove_all(folder_);
}

std::string cutting_proxy::connection_string() const {
    return server_string_ + " host=" + folder_.string();
}

void cutting_proxy::arm(cut options, std::string text) {
    std::lock_guard const hold{rule_};
    has_cut_ = false;
    options_ = options;
    text_ = std::move(text);
}

void cutting_proxy::before(std::string text, std::function<void()> act) {
    std::lock_guard const hold{rule_};
    text_before_ = std::move(text);
    act_ = std::move(act);
}

void cutting_proxy::call_before(std::string_view bytes) {
    std::function<void()> act;
    {
        std::lock_guard const hold{rule_};
        if (text_before_.empty() || bytes.find(text_before_) == std::string_view::npos) {
            return;
        }
        act = act_;
    }
    act();
}

void cutting_proxy::accept_all() {
    while (!stopping_) {
        if (!is_readable(listener_, poll_ms)) {
            continue;
        }
        int const client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        int const server = connect_to(server_path_);
        if (client >= 0 && server >= 0) {
            connections_.emplace_back([this, client, server] { pass(client, server); });
        } else {
            ::close(client);
            ::close(server);
        }
    }
}

void cutting_proxy::pass(int client, int server) {
    bool open = true;
    while (open && !stopping_) {
        pollfd both[2] = {{client, POLLIN, 0}, {server, POLLIN, 0}};
        if (::poll(both, 2, poll_ms) <= 0) {
            continue;
        }
        if (both[1].revents != 0) {
            open = pass_answer(client, server);
        } else {
            open = pass_request(client, server);
        }
    }
    ::close(client);
    ::close(server);
}

bool cutting_proxy::pass_request(int client, int server) {
    std::string const bytes = receive(client);
    cut options = cut::never;
    bool const seen = sees(bytes, true, options);
    if (bytes.empty() || (seen && options == cut::request)) {
        return false;
    }
    if (seen && options == cut::half) {
        (void)send_all(server, std::string_view{bytes}.substr(0, bytes.size() / 2));
        return false;
    }
    call_before(bytes);
    bool const passed = send_all(server, bytes);
    if (seen && options == cut::answer) {
        while (!stopping_ && !is_readable(server, poll_ms)) {
        }
    }
    return passed && !seen;
}

bool cutting_proxy::pass_answer(int client, int server) {
    std::string const bytes = receive(server);
    cut options = cut::never;
    bool const seen = sees(bytes, false, options);
    return !bytes.empty() && send_all(client, bytes) && !seen;
}

bool cutting_proxy::sees(std::string_view bytes, bool from_client, cut& options) {
    std::lock_guard const hold{rule_};
    bool const is_my_side = (options_ != cut::after_answer) == from_client;
    if (options_ == cut::never || !is_my_side || bytes.find(text_) == std::string_view::npos) {
        return false;
    }
    options = std::exchange(options_, cut::never);
    has_cut_ = true;
    return true;
}

} // namespace tally::tests
