#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace tally::bench {

struct http_answer {
    unsigned status = 0;
    std::string body;
};

/// One persistent connection to a daemon on this machine. Throws boost::system::system_error when
/// the connection breaks. One thread.
class http_client {
  public:
    explicit http_client(std::uint16_t port);
    ~http_client();
    http_client(http_client const&) = delete;
    http_client& operator=(http_client const&) = delete;

    http_answer get(std::string const& path);
    http_answer post(std::string const& path, std::string_view content_type, std::string_view body);

  private:
    struct impl;
    std::unique_ptr<impl> impl_;
};

/// A port of the loopback address that is free at the moment.
std::uint16_t free_port();

} // namespace tally::bench
