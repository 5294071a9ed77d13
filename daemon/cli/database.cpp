#include "daemon/cli/database.hpp"

#include "storage/embedded/postgres.hpp"

#include <iostream>
#include <optional>

namespace tally::daemon {

struct database::impl {
    std::string connection_string;
    std::optional<storage::embedded_postgres> server;
};

namespace {

/// A daemon needs the server for itself; a command may use the one of a daemon that runs.
storage::embedded_options embedded_options_of(config::settings const& settings, database_use use) {
    storage::embedded_options options;
    options.data_dir = settings.data_dir;
    options.run_as_user = settings.postgres_user;
    options.bin_dir = settings.postgres_bin_dir;
    options.may_attach = use == database_use::shared;

    // A command that started the server stays until the others that use it have ended, and says so.
    if (use == database_use::shared) {
        options.waits_for_guests = [] {
            std::cerr << "tallyd: done; the embedded database stays up because other commands use "
                         "it\n";
        };
    }
    return options;
}

} // namespace

database::database(config::settings const& settings, database_use use)
    : impl_{std::make_unique<impl>()} {
    // Not connected here: a daemon starts and takes pushes while its database is unavailable.
    if (!settings.database_url.empty()) {
        impl_->connection_string = settings.database_url;
        return;
    }

    // The embedded server ends with this thread, so the object is made on the main thread.
    impl_->server.emplace(embedded_options_of(settings, use));
    impl_->server->start();
    impl_->connection_string = impl_->server->connection_string();
}

database::~database() = default;

std::string const& database::connection_string() const noexcept {
    return impl_->connection_string;
}

bool database::is_embedded() const noexcept {
    return impl_->server.has_value();
}

bool database::is_attached() const noexcept {
    return impl_->server.has_value() && impl_->server->is_attached();
}

/// A server at database.url is not ours to restart.
bool database::supervise() {
    return impl_->server.has_value() &&
           impl_->server->supervise() == storage::server_state::restarted;
}

} // namespace tally::daemon
