#include "tests/crash/test_bed.hpp"

#include "ingest/journal/segment.hpp"
#include "tests/support/billing_fixture.hpp"
#include "tests/support/private_postgres.hpp"

#include <csignal>
#include <fstream>
#include <stdexcept>

namespace tally::crash {

namespace fs = std::filesystem;

test_bed::test_bed(bed_options options)
    : options_{std::move(options)}, database_{options_.database} {
    if (database_.empty()) {
        database_ = tests::private_postgres::shared().migrated_database();
        proxy_ = std::make_unique<tests::cutting_proxy>(database_);
    }
    tests::make_telecom(database_, accounts);
    set_disk_error(0);
}

test_bed::~test_bed() = default;

fs::path test_bed::journal(std::size_t daemon) const {
    return options_.folder / ("journal-" + std::to_string(daemon));
}

std::map<std::string, std::string> test_bed::environment() const {
    return {{"TALLYD_DATABASE_URL", database_}};
}

void test_bed::start(std::size_t daemon, daemon_plan plan, load& target) {
    auto settings = environment();
    if (plan.through_proxy) {
        settings["TALLYD_DATABASE_URL"] = proxy_->connection_string();
    }
    if (plan.on_failing_disk) {
        settings["LD_PRELOAD"] = options_.disk.string();
        settings["TALLY_CRASH_DISK"] = disk_switch().string();
        settings["TALLY_CRASH_FOLDER"] = journal(daemon).string();
    }
    if (options_.journal_bytes != 0) {
        settings["TALLYD_JOURNAL_MAX_BYTES"] = std::to_string(options_.journal_bytes);
    }
    settings["TALLYD_DRAIN_TIMEOUT_MS"] = "600000"; // a full journal takes minutes to drain
    settings["TALLYD_LANES"] = std::to_string(plan.lanes);
    settings["TALLYD_JOURNAL_DIR"] = journal(daemon).string();
    if (!options_.retains) {
        settings["TALLYD_JOURNAL_RETAIN_S"] = "0";
    }
    daemons_[daemon] = std::make_unique<tests::daemon_process>(options_.tallyd, settings);
    target.set_port(daemon, daemons_[daemon]->http_port());
}

void test_bed::kill(std::size_t daemon, load& target) {
    daemons_[daemon]->send(SIGKILL);
    daemons_[daemon]->wait();
    end(daemon, target);
}

int test_bed::stop(std::size_t daemon, load& target) {
    daemons_[daemon]->send(SIGTERM);
    return wait(daemon, target);
}

int test_bed::wait(std::size_t daemon, load& target) {
    int const code = daemons_[daemon]->wait();
    end(daemon, target);
    return code;
}

void test_bed::end(std::size_t daemon, load& target) {
    target.set_port(daemon, 0);
    std::ofstream{options_.folder / ("daemon-" + std::to_string(daemon) + ".log"), std::ios::app}
        << daemons_[daemon]->log();
    daemons_[daemon].reset();
}

std::vector<pid_t> test_bed::lane_sessions() const {
    std::vector<pid_t> found;
    for (auto const& pid :
         tests::query_rows(database_, "SELECT pid FROM pg_stat_activity WHERE datname ="
                                      " current_database() AND application_name LIKE"
                                      " 'tallyd lane%' ORDER BY backend_start, pid")) {
        found.push_back(std::stoi(pid));
    }
    return found;
}

std::size_t test_bed::segments(std::size_t daemon) const {
    std::size_t count = 0;
    if (!fs::exists(journal(daemon))) {
        return count;
    }
    for (auto const& entry : fs::directory_iterator{journal(daemon)}) {
        bool const has_records = entry.path().extension() == ".journal" &&
                                 entry.file_size() > ingest::segment_head_bytes;
        count += has_records ? 1U : 0U;
    }
    return count;
}

void test_bed::set_disk_error(int error) const {
    // Written in place, since the daemon has mapped the file.
    std::fstream file{disk_switch(), std::ios::in | std::ios::out | std::ios::binary};
    if (!file) {
        file.open(disk_switch(), std::ios::out | std::ios::binary);
    }
    file.put(static_cast<char>(error));
}

} // namespace tally::crash
