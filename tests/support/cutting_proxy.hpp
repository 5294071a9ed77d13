#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace tally::tests {

/// A proxy between a client and a PostgreSQL server on Unix sockets. It forwards bytes until it
/// sees the armed text, and then drops the connection, as a failing network does.
class cutting_proxy {
  public:
    enum class cut {
        never,
        request,       ///< before the client's bytes with the text reach the server
        half,          ///< after half of the client's bytes with the text
        answer,        ///< after the server has answered these bytes; the answer is dropped
        after_answer,  ///< after the server's bytes with the text were forwarded
        before_answer, ///< when these bytes have reached the server, before it answers
    };

    /// `connection_string`: the server's; it must listen on a Unix socket.
    explicit cutting_proxy(std::string connection_string);
    ~cutting_proxy();
    cutting_proxy(cutting_proxy const&) = delete;
    cutting_proxy& operator=(cutting_proxy const&) = delete;

    /// The connection string for clients of the proxy.
    [[nodiscard]] std::string connection_string() const;
    /// Cuts once, at the next bytes that contain `text`.
    void arm(cut settings, std::string text);
    /// Calls `act` each time before the client's bytes with the text are forwarded to the server.
    void before(std::string text, std::function<void()> act);
    /// Whether it has cut since it was armed.
    [[nodiscard]] bool has_cut() const { return has_cut_; }

  private:
    void accept_all();
    void pass(int client, int server);
    bool pass_request(int client, int server);
    bool pass_answer(int client, int server);
    void call_before(std::string_view bytes);
    bool sees(std::string_view bytes, bool from_client, cut& settings);

    std::string server_string_;
    std::string server_path_;
    std::filesystem::path folder_;
    std::string socket_name_;
    int listener_ = -1;
    std::atomic<bool> stopping_ = false;
    std::atomic<bool> has_cut_ = false;
    std::mutex rule_; ///< guards how_, text_, text_before_ and act_
    cut options_ = cut::never;
    std::string text_;
    std::string text_before_; ///< empty: none
    std::function<void()> act_;
    std::vector<std::jthread> connections_; ///< used by the accepting thread until it has ended
    std::jthread accepting_;
};

} // namespace tally::tests
