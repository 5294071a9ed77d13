#include "tests/support/http_client.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

namespace tally::tests {

namespace http = boost::beast::http;
using boost::asio::ip::tcp;

http_answer http_request(std::uint16_t port, std::string const& method, std::string const& target,
                         std::string const& body,
                         std::map<std::string, std::string> const& headers) {
    boost::asio::io_context context;
    tcp::socket socket{context};
    socket.connect({boost::asio::ip::address_v4::loopback(), port});

    http::request<http::string_body> request;
    request.method_string(method);
    request.target(target);
    request.version(11);
    request.set(http::field::host, "127.0.0.1");
    request.set(http::field::connection, "close");
    for (auto const& [name, value] : headers) {
        request.set(name, value);
    }
    request.body() = body;
    request.prepare_payload();
    http::write(socket, request);

    boost::beast::flat_buffer buffer;
    http::response<http::string_body> response;
    http::read(socket, buffer, response);
    return {response.result_int(), response.body(),
            std::string{response[http::field::content_type]},
            std::string{response[http::field::retry_after]}};
}

std::size_t http_post_each(std::uint16_t port, std::string const& target,
                           std::vector<std::string> const& bodies, unsigned status) {
    boost::asio::io_context context;
    tcp::socket socket{context};
    socket.connect({boost::asio::ip::address_v4::loopback(), port});
    socket.set_option(tcp::no_delay{true});
    boost::beast::flat_buffer buffer;
    std::size_t answered = 0;
    for (auto const& body : bodies) {
        http::request<http::string_body> request{http::verb::post, target, 11, body};
        request.set(http::field::host, "127.0.0.1");
        request.prepare_payload();
        http::write(socket, request);
        http::response<http::string_body> response;
        http::read(socket, buffer, response);
        answered += response.result_int() == status ? 1U : 0U;
    }
    return answered;
}

} // namespace tally::tests
