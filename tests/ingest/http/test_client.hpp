#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace tally::tests {

/// A parsed response; field names in lower case.
struct http_answer {
    int status = 0;
    std::multimap<std::string, std::string> fields;
    std::string body;

    [[nodiscard]] std::string field(std::string const& name) const {
        auto const found = fields.find(name);
        return found == fields.end() ? std::string{} : found->second;
    }
};

/// A blocking client of raw bytes on loopback: sends exactly what a test gives it, in the given
/// pieces. Every wait ends after `patience`, which only a real hang reaches.
class http_test_client {
  public:
    static constexpr std::chrono::seconds patience{20};

    explicit http_test_client(std::uint16_t port, std::string const& host = "127.0.0.1");
    ~http_test_client();
    http_test_client(http_test_client const&) = delete;
    http_test_client& operator=(http_test_client const&) = delete;

    /// False if the server has closed the connection.
    bool send(std::string_view bytes);
    /// The next response; nullopt if the connection ends before it is complete. `head_only`: to a
    /// HEAD request, or an interim response.
    std::optional<http_answer> read_answer(bool head_only = false);
    /// The next `bytes` bytes; fewer if the connection ends before.
    std::string read(std::size_t bytes);
    /// Everything until the server closes.
    std::string read_to_end();
    /// Whether the server closes the connection and sends nothing more; waits for it.
    bool is_closed();
    /// No more bytes from us; the server sees the end.
    void finish_sending();

  private:
    bool fill();

    int socket_ = -1;
    std::string received_;
};

/// "POST target HTTP/1.1" with Host, Content-Length, `more_fields` (each ending in CRLF) and body.
std::string post(std::string_view target, std::string_view body, std::string_view more_fields = {});

} // namespace tally::tests
