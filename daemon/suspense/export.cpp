#include "daemon/suspense/export.hpp"

#include "daemon/suspense/report.hpp"
#include "ingest/formats/formats.hpp"
#include "storage/postgres/command_error.hpp"
#include "storage/postgres/database_error.hpp"
#include "storage/suspense/rows.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <set>
#include <system_error>

namespace tally::daemon {

namespace {

/// Standard output, or a file that is written under another name and renamed when it is complete.
class export_file {
  public:
    explicit export_file(std::string path) : path_{std::move(path)}, part_{path_ + ".part"} {
        // Records are people's data: no one else may read the file.
        fd_ = is_stdout() ? STDOUT_FILENO
                          : ::open(part_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        if (fd_ < 0) {
            fail();
        }
    }
    ~export_file() {
        // Still open means not finished: a part of an export must not be taken for all of it.
        if (!is_stdout() && fd_ >= 0) {
            ::close(fd_);
            ::unlink(part_.c_str());
        }
    }
    export_file(export_file const&) = delete;
    export_file& operator=(export_file const&) = delete;

    /// write() may take only a part, and a signal may interrupt it.
    void write(std::string_view bytes) {
        while (!bytes.empty()) {
            auto const written = ::write(fd_, bytes.data(), bytes.size());
            if (written < 0 && errno != EINTR) {
                fail();
            }
            bytes.remove_prefix(written < 0 ? 0 : static_cast<std::size_t>(written));
        }
    }

    /// Until then the file has another name, and the destructor removes it.
    void finish() {
        if (is_stdout()) {
            return;
        }

        // On disk before it gets its name, so that after a crash the name means a whole file.
        if (::fsync(fd_) != 0 || ::rename(part_.c_str(), path_.c_str()) != 0) {
            fail();
        }
        ::close(std::exchange(fd_, -1));
    }

  private:
    [[nodiscard]] bool is_stdout() const noexcept { return path_ == "-"; }
    [[noreturn]] void fail() const {
        throw storage::command_error("cannot write " + path_ + ": " +
                                     std::generic_category().message(errno));
    }

    std::string path_;
    std::string part_;
    int fd_ = -1;
};

/// The one format of the selected records; empty when there are none. Throws when there are
/// several: tallyd import reads one format per file.
std::string raw_format(storage::pq_connection& connection, storage::suspense_filter const& filter) {
    auto const groups = check(storage::summarize_suspense(connection, filter));

    std::set<std::string> formats;
    std::string names;
    for (auto const& group : groups) {
        if (formats.insert(group.format).second) {
            names += (names.empty() ? "" : ", ") + group.format;
        }
    }
    if (formats.size() > 1) {
        throw storage::command_error("--raw writes one format at a time; pass --format, one of: " +
                                     names);
    }
    return formats.empty() ? std::string{} : *formats.begin();
}

/// The payload as it was received, with one line end. In a line format, line ends inside the
/// payload become blanks, so that it stays one record.
std::string raw_line(std::string payload, bool is_line) {
    while (!payload.empty() && (payload.back() == '\n' || payload.back() == '\r')) {
        payload.pop_back();
    }
    if (is_line) {
        std::replace(payload.begin(), payload.end(), '\n', ' ');
        std::replace(payload.begin(), payload.end(), '\r', ' ');
    }
    return payload + '\n';
}

} // namespace

std::int64_t export_suspense(storage::pq_connection& connection, suspense_export const& request) {
    // Payloads that go back into an import must be cut into the same records.
    bool is_line = false;
    if (request.is_raw) {
        auto const* const format = ingest::find_format(raw_format(connection, request.filter));
        is_line = format != nullptr && format->cut == ingest::framing::line;
    }

    // Opened after the check of the format, so that a refused request leaves no file.
    export_file file{request.file};
    std::int64_t count = 0;
    std::vector<storage::suspense_record> records;
    ingest::uuid after;
    std::string text;

    // Page by page: the memory does not depend on how many records wait.
    do {
        check(storage::next_suspense(connection, request.filter, after, records));
        text.clear();
        for (auto& record : records) {
            after = record.id;
            text += request.is_raw ? raw_line(std::move(record.payload), is_line)
                                   : json_line(record, with_payload::yes) + '\n';
        }

        file.write(text);
        count += static_cast<std::int64_t>(records.size());
    } while (!records.empty());

    file.finish();
    return count;
}

} // namespace tally::daemon
