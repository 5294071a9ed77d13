#pragma once

#include "ingest/decode/decoder_tools.hpp"
#include "ingest/record/source.hpp"
#include "ingest/text/csv_row.hpp"

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace tally::ingest {

/// The columns of cdr_csv in their order; behind amaflags each is there or not, by option.
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

inline constexpr std::size_t asterisk_columns_min = 16;
inline constexpr std::size_t asterisk_columns_max =
    static_cast<std::size_t>(asterisk_column::count_);

/// One field per column, empty when the row does not have it.
using asterisk_row = std::array<csv_field, asterisk_columns_max>;

/// Gives the fields behind amaflags their columns, by their number and by what a uniqueid looks
/// like ("[name-]epoch.counter"). False when no option makes so many columns.
bool arrange_columns(std::span<const csv_field> fields, asterisk_row& out) noexcept;

/// Makes a call of a row; text that has to be rewritten goes to `arena`. `raw` is the row without
/// its line end: the key of a row without a sequence.
record_fault read_asterisk(asterisk_row const& row, std::string_view raw, source const& from,
                           text_arena& arena, cdr& out);

} // namespace tally::ingest
