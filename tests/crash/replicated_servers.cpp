#include "tests/crash/replicated_servers.hpp"

#include "storage/embedded/cluster.hpp"
#include "storage/schema/migrations.hpp"
#include "tests/support/billing_fixture.hpp"
#include "tests/support/private_postgres.hpp"

#include <chrono>
#include <csignal>
#include <stdexcept>
#include <thread>

namespace tally::crash {

namespace fs = std::filesystem;

replicated_servers::replicated_servers(fs::path const& folder) : folder_{folder} {
    auto& first = servers_[primary_] =
        std::make_unique<storage::embedded_postgres>(options_of(primary_));
    first->start();

    // A standby that reads slowly must still find the log that it needs.
    auto const server = first->connection_string("postgres");
    tests::execute(server, "ALTER SYSTEM SET wal_keep_size = '1GB'");
    tests::execute(server, "ALTER SYSTEM SET recovery_init_sync_method = 'syncfs'");
    tests::execute(server, "SELECT pg_reload_conf()");
    storage::migration_runner{first->connection_string(), storage::embedded_migrations()}.up();
}

replicated_servers::~replicated_servers() = default;

fs::path replicated_servers::folder_of(std::size_t index) const {
    return folder_ / ("server-" + std::to_string(index));
}

storage::embedded_options replicated_servers::options_of(std::size_t index) const {
    storage::embedded_options options;
    options.data_dir = folder_of(index);
    options.bin_dir = tests::postgres_bin_dir();
    options.memory_bytes = 64 << 20;
    options.sync_new_cluster = false; // no test survives a power failure
    return options;
}

std::string replicated_servers::connection_string(std::size_t index) const {
    return "host=" + folder_of(index).string() + " port=5432 user=tallyd dbname=tallyd";
}

std::string replicated_servers::connection_string() const {
    std::string hosts;
    std::string ports;
    for (std::size_t index = 0; index < servers_max; ++index) {
        hosts += (index == 0 ? "" : ",") + folder_of(index).string();
        ports += index == 0 ? "5432" : ",5432";
    }
    return "host=" + hosts + " port=" + ports +
           " user=tallyd dbname=tallyd target_session_attrs=read-write";
}

void replicated_servers::follow(std::size_t index, std::size_t origin) {
    servers_[index].reset();
    fs::remove_all(folder_of(index));
    copy(origin, folder_of(index));
    servers_[index] = std::make_unique<storage::embedded_postgres>(options_of(index));
    servers_[index]->start();
}

void replicated_servers::copy(std::size_t origin, fs::path const& target) const {
    auto const binaries = storage::find_postgres(tests::postgres_bin_dir(), {});
    storage::process_spec spec;
    spec.identity = storage::choose_identity({}, folder_of(origin) / "PG_VERSION");
    storage::own_data_dir(target, spec.identity);
    spec.program = binaries.folder / "pg_basebackup";
    spec.working_folder = target;
    spec.log_file = target.string() + ".copy.log";
    spec.arguments = {"--dbname",
                      connection_string(origin),
                      "--pgdata",
                      target.string(),
                      "--checkpoint",
                      "fast",
                      "--wal-method",
                      "stream",
                      "--no-sync",
                      "--no-manifest",
                      "--write-recovery-conf"};
    storage::child_process backup;
    backup.start(spec);
    auto const status = backup.wait(std::chrono::minutes{2});
    if (!status || *status != 0) {
        backup.signal(SIGKILL);
        throw std::runtime_error{"pg_basebackup: " + storage::tail_of(spec.log_file)};
    }

    // Files of the running server that are no part of its data.
    fs::remove(target / ".s.PGSQL.5432.lock");
    fs::remove(target / "postgres.log");
}

/// What was received is applied before a promotion, so only a receiver that stops leaves a standby
/// behind. A server that follows this one is behind with it.
void replicated_servers::hold_back(std::size_t standby) const {
    auto const server = connection_string(standby);
    tests::execute(server, "ALTER SYSTEM SET primary_conninfo = ''");
    tests::execute(server, "SELECT pg_reload_conf()");
    while (tests::query_one(server, "SELECT count(*) FROM pg_stat_wal_receiver") != "0") {
        std::this_thread::sleep_for(std::chrono::milliseconds{5});
    }
}

void replicated_servers::end_primary(int signal) {
    ::kill(servers_[primary_]->server_pid(), signal);
}

void replicated_servers::promote(std::size_t standby) {
    tests::execute(connection_string(standby), "SELECT pg_promote()");
    primary_ = standby;
}

} // namespace tally::crash
