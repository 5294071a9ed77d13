#pragma once

#include "ingest/decode/decoder_tools.hpp"
#include "ingest/record/source.hpp"
#include "ingest/text/csv_row.hpp"

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace tally::ingest {

/// The columns of cdr_csv in their order; those after amaflags depend on options.
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

/// One field per column, empty if the row does not have it.
using asterisk_row = std::array<csv_field, asterisk_columns_max>;

/// Assigns the fields after amaflags to columns, by their number and by the form of a uniqueid
/// ("[name-]epoch.counter"). False if no combination of options has that many columns.
bool arrange_columns(std::span<csv_field const> fields, asterisk_row& out) noexcept;

/// Makes a call from a row; rewritten text goes to `arena`. `raw` is the row without its line end:
/// the key of a row without a sequence.
record_fault read_asterisk(asterisk_row const& row, std::string_view raw, source const& source,
                           text_arena& arena, cdr& out);

} // namespace tally::ingest
