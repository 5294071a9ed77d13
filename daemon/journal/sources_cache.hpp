#pragma once

#include "ingest/record/source.hpp"

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace tally::daemon {

/// The sources as bytes: magic, version, CRC-32C, then each source. Of a token it has the digest
/// only, as the database does.
std::string encode_sources(ingest::source_table const& sources);
/// nullptr: torn, damaged, of another version, or no cache at all; `problem` says which.
std::shared_ptr<ingest::source_table const> decode_sources(std::string_view bytes,
                                                           std::string& problem);

/// The last known sources, in the file "sources.cache" beside the journal (mode 0600), so that a
/// daemon whose database is unavailable at its start can authorize pushes. One thread at a time.
class sources_cache {
  public:
    explicit sources_cache(std::filesystem::path const& folder);

    /// nullptr: there is no file, or it is unreadable; then the log has a warning.
    std::shared_ptr<ingest::source_table const> load();
    /// Replaces the file as a whole, unless it has these sources already. A failure is logged: the
    /// cache is then that of the load before.
    void store(std::shared_ptr<ingest::source_table const> sources);

  private:
    [[nodiscard]] int write(std::string_view bytes) const noexcept;

    std::filesystem::path file_;
    std::shared_ptr<ingest::source_table const> current_; ///< what the file has; nullptr: unknown
};

} // namespace tally::daemon
