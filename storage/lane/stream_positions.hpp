#pragma once

#include "storage/postgres/pqxx_session.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace tally::storage {

/// The name under which lanes keep their positions in a stream (journal, file): the name and the
/// number of lanes. Another number of lanes assigns the records differently, so it has positions of
/// its own, which begin at 0.
std::string dealt_stream(std::string_view stream, std::uint32_t lanes);

/// The name of the row that records the reach of a stream: records below it may be stored although
/// no lane's position says so, because a batch that is stored in halves moves its positions with
/// the second half.
std::string reach_of(std::string_view dealt);

/// How far a stream is stored, over every number of lanes that has read it:
///
///     0 ... stored_below ... reached ...
///     all     some             none        are stored
struct stream_progress {
    std::uint64_t stored_below = 0; ///< all records below are stored
    std::uint64_t reached = 0;      ///< no record from here on is stored

    friend bool operator==(stream_progress const&, stream_progress const&) = default;
};

/// `stream` is the name without the number of lanes. Throws sql_error.
stream_progress progress_of(pqxx_session& session, std::string_view stream);

/// Removes the positions of a stream that has ended. Throws sql_error.
void forget_stream(pqxx_session& session, std::string_view stream);

} // namespace tally::storage
