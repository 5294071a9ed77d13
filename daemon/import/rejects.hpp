#pragma once

#include "daemon/import/job.hpp"

#include <fstream>
#include <string>
#include <string_view>

namespace tally::daemon {

/// The file of --rejects: one line with a JSON object for each record that could not be read, with
/// the reason and the original bytes, so that the record can be corrected and imported again.
///
///     {"file":"calls.csv","record":7,"line":8,"offset":412,"code":"bad_time","field":"start",
///      "detail":"…","raw":"…"}          raw_base64 instead of raw when it is not UTF-8
///
/// Each run overwrites the file, also a run that resumes an interrupted one: it reads the whole
/// input again, so the file is always complete. One thread.
class import_rejects {
  public:
    /// Throws storage::command_error when the file cannot be written.
    explicit import_rejects(std::string path);

    /// Throws storage::command_error when the disk is full: rejected records must not be lost.
    void write(std::string_view file, import_reject const& reject);
    /// Writes all buffered lines to the file; throws as write() does.
    void flush();
    [[nodiscard]] std::string const& path() const noexcept { return path_; }

  private:
    void check();

    std::string path_;
    std::ofstream out_;
};

/// The line of one rejected record, without a line feed.
std::string reject_line(std::string_view file, import_reject const& reject);

} // namespace tally::daemon
