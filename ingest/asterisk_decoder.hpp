#pragma once

#include "ingest/decoder.hpp"

namespace tally::ingest {

/// Asterisk cdr_csv (`Master.csv`, source of cdr_csv.c): rows of 16 to 21 columns without a header.
///
///     accountcode,src,dst,dcontext,clid,channel,dstchannel,lastapp,lastdata,
///     start,answer,end,duration,billsec,disposition,amaflags          16
///     [,uniqueid][,userfield]                                          17, 18
///     [,peeraccount,linkedid,sequence]                                 19 to 21
///
///     id           uuid_v5 of source, uniqueid, linkedid and sequence where there is a sequence;
///     else
///                  of source and the row's bytes, since parallel legs share a uniqueid
///     direction    outbound: the row does not say, and the account code names who placed the call
///     caller, destination, account   src, dst, accountcode
///     times        local in the source's zone (UTC with usegmtime=yes); the uniqueid's epoch, if
///                  there is one, chooses between the two hours of autumn
///     billable     billsec of disposition ANSWERED with an answer time, else 0: other
///                  dispositions come with billsec and answer stamps too
///     hangup cause disposition
///     metadata     call_id (uniqueid), linkedid, clid, dcontext, channels, lastapp, userfield, ...
void decode_asterisk(decode_context const& context, record_batch& batch) noexcept;

} // namespace tally::ingest
