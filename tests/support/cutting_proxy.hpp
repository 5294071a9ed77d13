#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace tally::tests {

/// Stands between a client and a PostgreSQL server on Unix sockets and passes bytes on, until it
/// sees what it was told to look for; then it loses the connection, as a network does.
class cutting_proxy {
  public:
    enum class cut {
        never,
        request,       ///< before the client's bytes with the text reach the server
        half,          ///< after half of the client's bytes with the text
        answer,        ///< after the server's answer to these bytes came, which is dropped
        after_answer,  ///< after the server's bytes with the text were passed on
        before_answer, ///< at once when these bytes reached the server, without its answer
    };

    /// `connection_string` is the server's; it must answer on a Unix socket.
    explicit cutting_proxy(std::string connection_string);
    ~cutting_proxy();
    cutting_proxy(cutting_proxy const&) = delete;
    cutting_proxy& operator=(cutting_proxy const&) = delete;

    /// The connection string that goes through the proxy.
    [[nodiscard]] std::string connection_string() const;
    /// Cuts once, at the next bytes that hold `text`.
    void arm(cut how, std::string text);
    /// Calls `act` each time before the client's bytes with the text reach the server, which waits.
    void before(std::string text, std::function<void()> act);
    /// Whether it has cut since it was armed.
    [[nodiscard]] bool has_cut() const { return has_cut_; }

  private:
    void accept_all();
    void pass(int client, int server);
    bool pass_request(int client, int server);
    bool pass_answer(int client, int server);
    void call_before(std::string_view bytes);
    bool sees(std::string_view bytes, bool from_client, cut& how);

    std::string server_string_;
    std::string server_path_;
    std::filesystem::path folder_;
    std::string socket_name_;
    int listener_ = -1;
    std::atomic<bool> stopping_ = false;
    std::atomic<bool> has_cut_ = false;
    std::mutex rule_; ///< guards what it was told to look for
    cut how_ = cut::never;
    std::string text_;
    std::string text_before_; ///< empty: none
    std::function<void()> act_;
    std::vector<std::jthread> connections_; ///< of the accepting thread, until it has ended
    std::jthread accepting_;
};

} // namespace tally::tests
