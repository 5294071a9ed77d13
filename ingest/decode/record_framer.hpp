#pragma once

#include "ingest/record/format.hpp"

#include <cstddef>
#include <string_view>

namespace tally::ingest {

/// Number of bytes at the front of `bytes` that are whole records of a stream with the framing
/// `cut`; 0 if no record is known to end in it yet.
///
/// For a reader of a stream: it passes that many bytes to the decoder, keeps the rest, appends what
/// it reads next, and calls again. `bytes` always begins at the start of a record. With `at_end`
/// nothing more follows, so everything is whole. The pieces decode to the same records as the
/// stream at once, wherever it is cut. Keeps no state; a row that is not whole yet is scanned again
/// by the next call. For a record that never ends the result stays 0, so the reader has to bound
/// what it collects.
std::size_t whole_records(framing cut, std::string_view bytes, bool at_end) noexcept;

} // namespace tally::ingest
