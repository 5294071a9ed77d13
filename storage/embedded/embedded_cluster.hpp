#pragma once

#include "storage/embedded/embedded_binaries.hpp"
#include "storage/embedded/embedded_process.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace tally::storage {

// A data directory of the embedded server:
//
//   data_dir/tallyd.lock      flock held by the tallyd that runs the server; its pid inside
//   data_dir/tallyd.guests    flock, shared by those who use that server
//   data_dir/tallyd.conf      our settings, written at every start; marks the cluster as ours
//   data_dir/custom.conf      the operator's settings, when there are any; they win
//   data_dir/postgres.log     what initdb and the server say
//   data_dir/tallyd-initdb/   a cluster being made: moved up when complete, PG_VERSION last
//   data_dir/...              PostgreSQL's own files, and its socket

/// What lies in a data directory. Throws std::runtime_error, saying what to do, when it is neither
/// empty nor a cluster of ours.
struct cluster_state {
    bool exists = false;      ///< a complete cluster
    bool interrupted = false; ///< the making of one was cut short: begin again
    int major = 0;            ///< of the existing one
};
cluster_state inspect_cluster(std::filesystem::path const& data_dir);

/// Makes data_dir (mode 0700) and what is in it the property of `who`.
void own_data_dir(std::filesystem::path const& data_dir, process_identity const& who);

/// Runs initdb. A kill at any moment leaves nothing, an interrupted one, or a complete cluster.
void create_cluster(std::filesystem::path const& data_dir, postgres_binaries const& binaries,
                    process_identity const& who, bool synced);

/// Writes tallyd.conf. `memory_bytes` is what shared_buffers may take; 0: an eighth of the machine.
void write_configuration(std::filesystem::path const& data_dir, process_identity const& who,
                         std::int64_t memory_bytes);

/// Where the socket goes: data_dir, or a folder of mode 0700 elsewhere when its path is too long
/// for a socket address (107 bytes) or holds a comma.
std::filesystem::path choose_socket_folder(std::filesystem::path const& data_dir,
                                           process_identity const& who);

/// What postmaster.pid says of a server.
struct postmaster_file {
    pid_t pid = 0;
    std::string port;
    std::string socket_folder; ///< empty: it has not come that far
};
std::optional<postmaster_file> read_postmaster_file(std::filesystem::path const& data_dir);

/// Whether the process of postmaster.pid runs and is a server of this very directory.
bool is_server_of(pid_t pid, std::filesystem::path const& data_dir);

/// A file with an flock on it, released by the destructor or the process's end.
class cluster_lock {
  public:
    cluster_lock() = default;
    ~cluster_lock();
    cluster_lock(cluster_lock const&) = delete;
    cluster_lock& operator=(cluster_lock const&) = delete;

    /// tallyd.lock, exclusive: who runs the server. Writes our pid into it. False when another
    /// process has it, whose pid is in `holder` then.
    bool try_own(std::filesystem::path const& data_dir, process_identity const& who,
                 std::string& holder);
    /// tallyd.guests, shared: who uses a server that another runs. False while that one stops it.
    bool try_visit(std::filesystem::path const& data_dir, process_identity const& who);
    /// tallyd.guests, exclusive: the one who runs it. False while there are guests.
    bool try_close(std::filesystem::path const& data_dir, process_identity const& who);

    void release() noexcept;
    [[nodiscard]] bool is_held() const noexcept { return descriptor_ >= 0; }

  private:
    bool try_lock(std::filesystem::path const& file, process_identity const& who, int operation);

    int descriptor_ = -1;
};

} // namespace tally::storage
