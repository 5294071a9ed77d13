#pragma once

#include "ingest/cdr.hpp"
#include "ingest/decoder_tools.hpp"
#include "ingest/source.hpp"
#include "ingest/text_arena.hpp"

#include <array>
#include <cstdint>
#include <string_view>

namespace tally::ingest {

/// Columns of cdr_csv in the order of a row that has all of them.
enum class asterisk_column : std::uint8_t {
    accountcode,
    src,
    dst,
    dcontext,
    clid,
    channel,
    dstchannel,
    lastapp,
    lastdata,
    start,
    answer,
    end,
    duration,
    billsec,
    disposition,
    amaflags,
    uniqueid,
    userfield,
    peeraccount,
    linkedid,
    sequence,
    count_,
};
inline constexpr auto asterisk_columns_max = static_cast<std::size_t>(asterisk_column::count_);

/// A row's fields by column, quotes undone, valid UTF-8; empty for a column the row has not.
using asterisk_row = std::array<std::string_view, asterisk_columns_max>;

/// Takes a row (without its line end) apart. Which of the optional columns it has follows from
/// their number, and for one of them from its look: a uniqueid is `[name-]epoch.number`.
record_fault split_asterisk_row(std::string_view row, text_arena& arena, asterisk_row& out);

/// The epoch second in a uniqueid, or 0 when it has none.
std::int64_t epoch_of_uniqueid(std::string_view uniqueid) noexcept;

/// Makes a call of a row whose bytes are `raw`.
record_fault read_asterisk(asterisk_row const& row, std::string_view raw, source const& from,
                           text_arena& arena, cdr& out);

} // namespace tally::ingest
