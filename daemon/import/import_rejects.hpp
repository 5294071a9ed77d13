#pragma once

#include "daemon/import/import_job.hpp"

#include <fstream>
#include <string>
#include <string_view>

namespace tally::daemon {

/// The file of --rejects: one JSON object a line for each record that could not be read, with why
/// and its own bytes, so that it can be mended and imported again.
///
///     {"file":"calls.csv","record":7,"line":8,"offset":412,"code":"bad_time","field":"start",
///      "detail":"…","raw":"…"}          raw_base64 instead of raw when it is not UTF-8
///
/// A run writes the file anew, also one that goes on where another was cut short: it reads the
/// whole input again anyway, so the file is always complete. One thread.
class import_rejects {
  public:
    /// Throws std::runtime_error when the file cannot be written.
    explicit import_rejects(std::string path);

    /// Throws std::runtime_error when the disk is full: rejected records must not go lost.
    void write(std::string_view file, import_reject const& reject);
    /// Puts everything on its way to the disk; throws like write().
    void flush();
    [[nodiscard]] std::string const& path() const noexcept { return path_; }

  private:
    void check();

    std::string path_;
    std::ofstream out_;
};

/// The line of a reject, without its line feed.
std::string reject_line(std::string_view file, import_reject const& reject);

} // namespace tally::daemon
