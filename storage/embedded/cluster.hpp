#pragma once

#include "storage/embedded/binaries.hpp"
#include "storage/embedded/process.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace tally::storage {

// The data directory of the embedded server:
//
//   data_dir/tallyd.lock      flock held by the tallyd that runs the server; its pid inside
//   data_dir/tallyd.guests    flock, shared by other processes that use that server (guests)
//   data_dir/tallyd.conf      our settings, written at every start; marks the cluster as ours
//   data_dir/custom.conf      optional settings of the operator, which override ours
//   data_dir/postgres.log     output of initdb and of the server
//   data_dir/tallyd-initdb/   a cluster being created: moved up when complete, PG_VERSION last
//   data_dir/...              PostgreSQL's own files, and its socket

/// The state of a data directory.
struct cluster_state {
    bool exists = false;      ///< it has a complete cluster
    bool interrupted = false; ///< the creation of one was interrupted: begin again
    int major = 0;            ///< version of the existing cluster
};
/// Throws std::runtime_error with advice if the directory is neither empty nor a cluster of ours.
cluster_state inspect_cluster(std::filesystem::path const& data_dir);

/// Creates data_dir (mode 0700) if necessary and makes `owner` the owner of it and its content.
void own_data_dir(std::filesystem::path const& data_dir, process_identity const& owner);

/// Runs initdb. A kill at any time leaves nothing, an interrupted creation, or a complete cluster.
void create_cluster(std::filesystem::path const& data_dir, postgres_binaries const& binaries,
                    process_identity const& owner, bool synced);

/// Writes tallyd.conf. `memory_bytes`: size of shared_buffers; 0: an eighth of the machine's
/// memory.
void write_configuration(std::filesystem::path const& data_dir, process_identity const& owner,
                         std::int64_t memory_bytes);

/// The folder of the socket: data_dir, or a folder of mode 0700 elsewhere if the path is too long
/// for a socket address (107 bytes) or contains a comma.
std::filesystem::path choose_socket_folder(std::filesystem::path const& data_dir,
                                           process_identity const& owner);

/// The content of postmaster.pid.
struct postmaster_file {
    pid_t pid = 0;
    std::string port;
    std::string socket_folder; ///< empty: the server is still starting
};
std::optional<postmaster_file> read_postmaster_file(std::filesystem::path const& data_dir);

/// Whether the process runs and is a server of this data directory.
bool is_server_of(pid_t pid, std::filesystem::path const& data_dir);

/// A file with an flock, which the destructor or the end of the process releases.
class cluster_lock {
  public:
    cluster_lock() = default;
    ~cluster_lock();
    cluster_lock(cluster_lock const&) = delete;
    cluster_lock& operator=(cluster_lock const&) = delete;

    /// tallyd.lock, exclusive: this process runs the server. Writes our pid into the file. False if
    /// another process holds it; `holder` is its pid.
    bool try_own(std::filesystem::path const& data_dir, process_identity const& owner,
                 std::string& holder);
    /// tallyd.guests, shared: this process uses the server of another. False while that one stops
    /// it.
    bool try_visit(std::filesystem::path const& data_dir, process_identity const& owner);
    /// tallyd.guests, exclusive: this process is about to stop its server. False while there are
    /// guests.
    bool try_close(std::filesystem::path const& data_dir, process_identity const& owner);

    void release() noexcept;
    [[nodiscard]] bool is_held() const noexcept { return descriptor_ >= 0; }

  private:
    bool try_lock(std::filesystem::path const& file, process_identity const& owner, int operation);

    int descriptor_ = -1;
};

} // namespace tally::storage
