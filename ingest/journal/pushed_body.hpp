#pragma once

#include "ingest/record_block.hpp"
#include "ingest/source.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace tally::ingest {

/// What the journal keeps of a push: its expanded body, and what reading it again takes. The source
/// by id: its settings are those of the moment of reading.
std::string encode_pushed(record_block const& block);

/// The block that encode_pushed was given, decoded anew; nothing of it is left out. `sources` are
/// asked for its source; when that is gone the local one stands for it. `received` is when it came,
/// however long ago. A payload that this version cannot read is one bad record: it was
/// acknowledged, and waits for somebody who can tell.
std::unique_ptr<record_block> decode_pushed(std::string_view payload, source_table const& sources,
                                            time_us received);

} // namespace tally::ingest
