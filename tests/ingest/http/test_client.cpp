#include "tests/ingest/http/test_client.hpp"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <stdexcept>
#include <utility>

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

namespace tally::tests {

namespace {

void open_loopback(int socket, std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
        throw std::runtime_error("cannot connect");
}

void open_loopback6(int socket, std::uint16_t port) {
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(port);
    address.sin6_addr = in6addr_loopback;
    if (::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
        throw std::runtime_error("cannot connect");
}

/// Status and fields of a head without its empty line.
http_answer parse_head(std::string_view head) {
    http_answer answer;
    answer.status = std::stoi(std::string{head.substr(head.find(' ') + 1, 3)});
    std::size_t line = head.find("\r\n");
    while (line != std::string_view::npos) {
        std::size_t const next = head.find("\r\n", line + 2);
        std::string_view const field =
            head.substr(line + 2, next == std::string_view::npos ? next : next - line - 2);
        std::size_t const colon = field.find(':');
        if (colon != std::string_view::npos) {
            std::string name{field.substr(0, colon)};
            for (char& c : name)
                c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
            answer.fields.emplace(name, field.substr(std::min(field.size(), colon + 2)));
        }
        line = next;
    }
    return answer;
}

} // namespace

http_test_client::http_test_client(std::uint16_t port, std::string const& host) {
    bool const is_v6 = host == "::1";
    socket_ = ::socket(is_v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    timeval const limit{patience.count(), 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ::setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    int const target = 1;
    ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &target, sizeof target);
    is_v6 ? open_loopback6(socket_, port) : open_loopback(socket_, port);
}

http_test_client::~http_test_client() {
    ::close(socket_);
}

bool http_test_client::send(std::string_view bytes) {
    while (!bytes.empty()) {
        ssize_t const size = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (size <= 0)
            return false;
        bytes.remove_prefix(static_cast<std::size_t>(size));
    }
    return true;
}

bool http_test_client::fill() {
    char piece[16384];
    ssize_t const size = ::recv(socket_, piece, sizeof piece, 0);
    if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        throw std::runtime_error("the server neither answers nor closes");
    if (size <= 0)
        return false;
    received_.append(piece, static_cast<std::size_t>(size));
    return true;
}

std::optional<http_answer> http_test_client::read_answer(bool head_only) {
    std::size_t end = received_.find("\r\n\r\n");
    while (end == std::string::npos) {
        if (!fill())
            return std::nullopt;
        end = received_.find("\r\n\r\n");
    }
    http_answer answer = parse_head(std::string_view{received_}.substr(0, end));
    received_.erase(0, end + 4);
    std::string const length = answer.field("content-length");
    if (head_only || length.empty())
        return answer;
    std::size_t const size = std::stoul(length);
    while (received_.size() < size) {
        if (!fill())
            return std::nullopt;
    }
    answer.body = received_.substr(0, size);
    received_.erase(0, size);
    return answer;
}

std::string http_test_client::read(std::size_t bytes) {
    while (received_.size() < bytes && fill()) {
    }
    std::string taken = received_.substr(0, bytes);
    received_.erase(0, taken.size());
    return taken;
}

std::string http_test_client::read_to_end() {
    while (fill()) {
    }
    return std::exchange(received_, {});
}

bool http_test_client::is_closed() {
    return received_.empty() && !fill();
}

void http_test_client::finish_sending() {
    ::shutdown(socket_, SHUT_WR);
}

std::string post(std::string_view target, std::string_view body, std::string_view more_fields) {
    std::string request = "POST ";
    request.append(target).append(" HTTP/1.1\r\nHost: tally.test\r\nContent-Length: ");
    request.append(std::to_string(body.size())).append("\r\n").append(more_fields);
    return request.append("\r\n").append(body);
}

} // namespace tally::tests
