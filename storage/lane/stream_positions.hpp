#pragma once

#include "storage/postgres/pqxx_session.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace tally::storage {

/// The name under which lanes keep their positions in a stream (journal, file): one that is dealt
/// to another number of lanes is another one, which begins anew.
std::string dealt_stream(std::string_view stream, std::uint32_t lanes);

/// Where it is noted that records up to here may be stored although no lane's position says so: a
/// batch that is stored in halves moves its positions with the last one.
std::string reach_of(std::string_view dealt);

/// How far a stream has come, over all numbers of lanes it was ever dealt to.
struct stream_progress {
    std::uint64_t stored_below = 0; ///< all records before it are stored
    std::uint64_t reached = 0;      ///< none from here on is; in between, some are

    friend bool operator==(stream_progress const&, stream_progress const&) = default;
};

/// `stream` without lanes. Throws sql_error.
stream_progress progress_of(pqxx_session& on, std::string_view stream);

/// Removes the positions of a stream that is over. Throws sql_error.
void forget_stream(pqxx_session& on, std::string_view stream);

} // namespace tally::storage
