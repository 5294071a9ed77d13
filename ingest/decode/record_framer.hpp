#pragma once

#include "ingest/record/format.hpp"

#include <cstddef>
#include <string_view>

namespace tally::ingest {

/// How many bytes at the front of `bytes` are whole records of a stream that is cut like `cut`;
/// 0 when not one record is known to end in it yet.
///
/// For a reader that hands a stream over in pieces: it gives what it has, passes the answered
/// number of bytes to the decoder, keeps the rest, appends what it reads next, and asks again.
/// `bytes` always begins at a record's start. With `at_end` nothing more follows, so everything is
/// whole. The pieces decode to the same records as the stream at once, wherever it is cut. Holds
/// no state; a row that is not whole yet is looked at again with the next call. A record that
/// never ends keeps the answer 0: the reader bounds what it collects.
std::size_t whole_records(framing cut, std::string_view bytes, bool at_end) noexcept;

} // namespace tally::ingest
