#include "ingest/journal/pushed_body.hpp"

#include "ingest/base/little_endian.hpp"
#include "ingest/journal/pushed_settings.hpp"

#include "ingest/formats/formats.hpp"
#include "ingest/journal/segment.hpp"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <optional>
#include <utility>
#include <vector>

namespace tally::ingest {

namespace {

// A push on disk: the version (a byte), a flag (a byte) that says whether rejected records go to
// suspense, then fields, each preceded by its length (4 bytes, little-endian):
//
//     source's id | format | content type | query | error of the whole | its detail | decision |
//     source's settings | payers | body
//
// Version 1 has no decision, version 2 no settings and no payers. A change of this layout, or a new
// format, needs a new version.
constexpr std::uint32_t version_without_decision = 1;
constexpr std::uint32_t version_without_payers = 2;
static_assert(journal_version == 3 && journal_version <= 127);

void put(std::string& out, std::string_view field) {
    put_number(out, static_cast<std::uint32_t>(field.size()));
    out.append(field);
}

/// The decision on each record of a push at the time of its acknowledgment. It is final, although
/// settings and decoders may have changed when the push is read again.
struct decision {
    struct run {
        std::uint32_t begin = 0; ///< index of a record
        std::uint32_t end = 0;
    };
    std::uint64_t record_bytes_max = 0; ///< limit of its source at that time
    std::uint32_t records = 0;          ///< number of records that were found
    /// Records that were not taken, ascending: skipped, or rejected with an error to the sender.
    std::vector<run> declined;

    [[nodiscard]] bool declines(std::uint32_t index) const noexcept {
        // The last run that begins at or before the record is the only one that may hold it.
        auto const next = std::upper_bound(
            declined.begin(), declined.end(), index,
            [](std::uint32_t slot_index, run const& each) { return slot_index < each.begin; });
        return next != declined.begin() && index < std::prev(next)->end;
    }
};

std::vector<decision::run> runs_of_declined(record_block const& block) {
    auto const& batch = block.batch;

    // The usual case: everything was taken, and the frame needs no list.
    if (batch.rejected.empty() && batch.skipped == 0) {
        return {};
    }

    // Mark what was taken; a rejected record counts as taken if it waits in suspense.
    std::vector<bool> is_taken(batch.received());
    for (auto const index : batch.cdr_index) {
        is_taken.at(index) = true;
    }
    for (auto const index : batch.event_index) {
        is_taken.at(index) = true;
    }
    for (auto const& each : batch.rejected) {
        is_taken.at(each.index) = block.suspend_rejected || each.suspended;
    }

    // The rest becomes runs: bad records tend to be neighbors.
    std::vector<decision::run> runs;
    for (std::uint32_t index = 0; index < is_taken.size(); ++index) {
        if (is_taken[index]) {
            continue;
        }
        if (runs.empty() || runs.back().end != index) {
            runs.push_back({index, index});
        }
        ++runs.back().end;
    }
    return runs;
}

std::string encode_decision(record_block const& block) {
    std::string out;
    put_number(out, static_cast<std::uint64_t>(block.sender->record_bytes_max));
    put_number(out, block.batch.received());
    for (auto const& run : runs_of_declined(block)) {
        put_number(out, run.begin);
        put_number(out, run.end);
    }
    return out;
}

decision decode_decision(std::string_view field) {
    field_reader numbers{field};
    decision made;
    made.record_bytes_max = numbers.take_number<std::uint64_t>();
    made.records = numbers.take_number<std::uint32_t>();

    // The list has no length of its own: it ends with the field.
    while (!numbers.left.empty() && numbers.ok) {
        auto const begin = numbers.take_number<std::uint32_t>();
        made.declined.push_back({begin, numbers.take_number<std::uint32_t>()});
    }
    return made;
}

/// Whether each record that was taken is present again, under its number.
bool is_all_there(decision const& made, record_batch const& batch) {
    std::uint32_t declined = 0;
    for (auto const& run : made.declined) {
        declined += run.end - run.begin;
    }
    auto found = batch.received() - batch.skipped;
    if (declined != 0) {
        auto const is_declined = [&made](std::uint32_t index) { return made.declines(index); };
        auto const is_refused = [&made](rejected_record const& each) {
            return made.declines(each.index);
        };
        found -= static_cast<std::uint32_t>(std::ranges::count_if(batch.cdr_index, is_declined) +
                                            std::ranges::count_if(batch.event_index, is_declined) +
                                            std::ranges::count_if(batch.rejected, is_refused));
    }

    // Equal totals are not enough: the records that were taken must all be among those found now.
    return batch.received() == made.records && found == made.records - declined;
}

/// Removes the declined records in place and returns how many there were.
template <typename Record>
std::uint32_t remove_declined(std::vector<Record>& records, std::vector<std::uint32_t>& index,
                              decision const& made) {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < records.size(); ++i) {
        if (made.declines(index[i])) {
            continue;
        }
        if (kept != i) {
            records[kept] = std::move(records[i]);
            index[kept] = index[i];
        }
        ++kept;
    }
    auto const removed = static_cast<std::uint32_t>(records.size() - kept);
    records.resize(kept);
    index.resize(kept);
    return removed;
}

/// Applies the decision to the records as decoded now. A record that was taken and is rejected now
/// waits in suspense. A record that was declined stays out: its sender may have corrected it and
/// sent it again, so that taking this one would count it twice.
void hold_to(decision const& made, record_block& block) {
    auto& batch = block.batch;

    // What was declined stays out. A switch's rejected records wait in suspense, except for those
    // that were declined.
    if (!made.declined.empty()) {
        batch.skipped += remove_declined(batch.cdrs, batch.cdr_index, made);
        batch.skipped += remove_declined(batch.events, batch.event_index, made);
        if (block.suspend_rejected) {
            batch.skipped += static_cast<std::uint32_t>(
                std::erase_if(batch.rejected, [&made](rejected_record const& each) {
                    return made.declines(each.index);
                }));
        }
    }

    // An application got an error for what was rejected then. What was taken and is rejected only
    // now waits in suspense (R11).
    if (!block.suspend_rejected) {
        for (auto& each : batch.rejected) {
            each.suspended = !made.declines(each.index);
        }
    }
}

/// A body that could not be split into records and is kept as one bad record. A body whose only
/// event has an unknown type is not one of these: a later version may know the type.
bool is_unreadable(record_batch const& batch) {
    return batch.cdrs.empty() && batch.events.empty() && batch.rejected.size() == 1 &&
           !batch.rejected[0].suspended && batch.rejected[0].raw.data() == batch.body.data() &&
           batch.rejected[0].raw.size() == batch.body.size();
}

void reject_body(record_batch& batch, record_error reason, std::string_view detail) {
    batch.reject_body(reason, batch.text.keep(detail.empty() ? explain(reason) : detail));
}

std::shared_ptr<source const> source_of(std::string_view id, source_table const& sources) {
    auto const same = [id](source const& each) {
        return std::memcmp(each.id.bytes.data(), id.data(), each.id.bytes.size()) == 0;
    };
    auto const& all = sources.all();
    auto const found =
        id.size() == uuid{}.bytes.size() ? std::find_if(all.begin(), all.end(), same) : all.end();

    // A source that was removed meanwhile: the push was acknowledged, so it is read as one of the
    // local source.
    return std::make_shared<source const>(found == all.end() ? sources.local() : *found);
}

/// A push that this version cannot attribute. It was acknowledged, so it is not dropped: it waits
/// in suspense for the operator.
std::unique_ptr<record_block> unknown_push(std::string_view payload, source_table const& sources,
                                           time_us received, std::string_view reason) {
    auto block = std::make_unique<record_block>();
    block->received = received;
    block->sender = std::make_shared<source const>(sources.local());
    block->in_format = &formats().front();
    block->suspend_rejected = true;
    block->batch.set_body(std::string{payload});
    reject_body(block->batch, record_error::bad_encoding, reason);
    return block;
}

/// Decodes with the limits of the time of acknowledgment. No record is skipped by the decoder: the
/// decision already says which ones were.
void decode_as_decided(record_block& block, decision const& made, time_us received) {
    source const* sender = block.sender.get();
    std::optional<source> of_then;
    if (sender->b_legs != b_leg_policy::accept ||
        sender->record_bytes_max != made.record_bytes_max) {
        of_then = *sender;
        of_then->b_legs = b_leg_policy::accept;
        of_then->record_bytes_max = made.record_bytes_max;
        sender = &*of_then;
    }
    auto& batch = block.batch;

    // The same body and limits should give the same records; is_all_there checks that they do.
    block.in_format->decode({*sender, block.content_type, block.query, received}, batch);
    if (batch.body_error != record_error::none) {
        return;
    }
    if (is_all_there(made, batch)) {
        hold_to(made, block);
        return;
    }
    // The records no longer correspond to those of the decision, so the whole body waits in
    // suspense: storing some of them could lose or repeat others.
    batch.body_error = record_error::bad_encoding;
    batch.body_detail =
        batch.text.keep("this version finds other records in it than the " +
                        std::to_string(made.records) + " of which some or all were taken");
}

/// Makes records of the body again, or one bad record. `reason` and `detail` are the error that the
/// body had already when it was written.
void decode_again(record_block& block, std::optional<decision> const& made, record_error reason,
                  std::string_view detail, time_us received) {
    auto& batch = block.batch;

    // A push of version 1 has no decision, and is taken as decoded now.
    bool const was_readable = reason == record_error::none;
    if (was_readable && made) {
        decode_as_decided(block, *made, received);
    } else if (was_readable) {
        block.in_format->decode({*block.sender, block.content_type, block.query, received}, batch);
    }

    // What cannot be read is one bad record: the push was acknowledged, so it may not disappear.
    record_error const bad = was_readable ? batch.body_error : reason;
    if (bad != record_error::none) {
        block.suspend_rejected = true;
        reject_body(batch, bad, was_readable ? batch.body_detail : detail);
    }
}

std::uint32_t version_of(std::string_view payload) noexcept {
    return payload.empty() ? 0 : static_cast<unsigned char>(payload.front());
}

} // namespace

std::string encode_pushed(record_block const& block) {
    auto const& batch = block.batch;
    bool const unreadable = is_unreadable(batch);
    std::string out;
    out.reserve(batch.body.size() + block.content_type.size() + block.query.size() + 160);
    out.push_back(static_cast<char>(journal_version));
    out.push_back(block.suspend_rejected ? '\1' : '\0');
    put(out, {reinterpret_cast<char const*>(block.sender->id.bytes.data()),
              block.sender->id.bytes.size()});

    // By name: the table's order may change between versions.
    put(out, block.in_format->name);
    put(out, block.content_type);
    put(out, block.query);

    // Some errors (a failed expansion) cannot be found again from the body, so they are kept.
    put(out, unreadable ? code(batch.rejected[0].error) : std::string_view{});
    put(out, unreadable ? batch.rejected[0].detail : std::string_view{});

    put(out, encode_decision(block));
    put(out, encode_settings(*block.sender));
    put(out, block.decided.encode());
    put(out, batch.body);
    return out;
}

std::unique_ptr<record_block> decode_pushed(std::string_view payload, source_table const& sources,
                                            time_us received, format_finder find) {
    auto const version = version_of(payload);
    if (version > journal_version) {
        throw newer_push{version};
    }

    // The fields are in the order in which encode_pushed writes them.
    field_reader fields{payload.substr(std::min<std::size_t>(payload.size(), 2))};
    auto block = std::make_unique<record_block>();
    block->received = received;
    block->sender = source_of(fields.take(), sources);
    std::string const format_name{fields.take()};
    block->in_format = find(format_name);
    block->content_type = fields.take();
    block->query = fields.take();
    record_error const reason = parse_code(fields.take());
    std::string_view const detail = fields.take();

    // Fields of later versions: an older push has none, and is read by the source as it is now.
    bool const is_decided = version > version_without_decision;
    auto const made = is_decided ? std::optional{decode_decision(fields.take())} : std::nullopt;
    if (version > version_without_payers) {
        block->sender = with_settings(std::move(block->sender), fields.take());
        fields.ok = block->decided.decode(fields.take()) && fields.ok;
    }
    std::string_view const body = fields.take();

    // A frame's CRC was right, so these bytes are what was written: a fault here is one of the
    // writer, and the bytes go to suspense rather than stop the replay.
    if (!fields.ok || version == 0) {
        return unknown_push(payload, sources, received, "no push that any version has written");
    }
    if (block->in_format == nullptr) {
        return unknown_push(body, sources, received,
                            "no format '" + format_name + "' in this version");
    }

    // The flag is the second byte, before the fields.
    block->suspend_rejected = payload[1] != '\0';
    block->batch.set_body(std::string{body});
    decode_again(*block, made, reason, detail, received);
    return block;
}

} // namespace tally::ingest
