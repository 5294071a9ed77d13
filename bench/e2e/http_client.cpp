#include "bench/e2e/http_client.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

namespace tally::bench {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;

struct http_client::impl {
    asio::io_context context;
    asio::ip::tcp::socket socket{context};
    beast::flat_buffer buffer;

    template <typename Body>
    http_answer ask(http::request<Body> request) {
        request.set(http::field::host, "127.0.0.1");
        request.prepare_payload();
        http::write(socket, request);
        http::response<http::string_body> answer;
        http::read(socket, buffer, answer);
        return {answer.result_int(), std::move(answer.body())};
    }
};

http_client::http_client(std::uint16_t port) : impl_{std::make_unique<impl>()} {
    impl_->socket.connect({asio::ip::address_v4::loopback(), port});
    impl_->socket.set_option(asio::ip::tcp::no_delay{true});
}

http_client::~http_client() = default;

http_answer http_client::get(std::string const& path) {
    return impl_->ask(http::request<http::empty_body>{http::verb::get, path, 11});
}

http_answer http_client::post(std::string const& path, std::string_view content_type,
                              std::string_view body) {
    // The body is not copied: the time of a copy is not the daemon's.
    http::request<http::span_body<char const>> request{http::verb::post, path, 11};
    request.set(http::field::content_type, {content_type.data(), content_type.size()});
    request.body() = {body.data(), body.size()};
    return impl_->ask(std::move(request));
}

std::uint16_t free_port() {
    asio::io_context context;
    asio::ip::tcp::acceptor const acceptor{context, {asio::ip::address_v4::loopback(), 0}};
    return acceptor.local_endpoint().port();
}

} // namespace tally::bench
