#pragma once

#include "ingest/record/format.hpp"

namespace tally::ingest {

/// Asterisk's cdr_csv (Master.csv): 16 to 21 columns, by the options uniqueid, userfield and
/// newcdrcolumns. Times are the source's local times.
///
/// - Key: uuid_v5 of source, uniqueid, linkedid and sequence if the row has a sequence; otherwise
///   of source and row, since the records of a call share one uniqueid.
/// - Billed: billsec of a row with an answer time, whatever its disposition. The disposition is
///   kept as hangup_cause.
/// - Direction: outbound. A row does not state it; the account code, or else the source number,
///   decides who pays.
///
/// A row that cannot be read is one rejected record. Empty lines, and rows of NULs as a crash
/// leaves them, are not records.
void decode_asterisk(decode_context const& context, record_batch& batch) noexcept;

} // namespace tally::ingest
