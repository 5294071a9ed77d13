#include "daemon/journal/feeder.hpp"

#include "daemon/journal/fed_stream.hpp"

#include "ingest/base/reversal.hpp"
#include "ingest/journal/pushed_body.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

namespace tally::daemon {

namespace {

using std::chrono::milliseconds;
using status = ingest::journal_reader::status;

/// How long to sleep when the lanes have no credit: they give some back every few milliseconds.
constexpr milliseconds credit_wait{2};
/// How often the end of the journal is looked at; a durable push wakes the feeder earlier.
constexpr milliseconds idle_wait{100};
/// The pause after a failed read, and after a database that does not answer.
constexpr milliseconds retry_after{1000};
/// How much is read before it is pushed, so that one request keeps many decisions.
constexpr std::size_t read_max = 256;
constexpr std::uint64_t read_bytes_max = 1024 * 1024;

constexpr journal_feeder::step_result more{};

} // namespace

journal_feeder::journal_feeder(target destination, ingest::journal_folder& folder,
                               ingest::journal_writer& writer, push_journal& pushes,
                               std::vector<ingest::journal_stream> earlier)
    : target_{std::move(destination)}, folder_{folder}, writer_{writer}, pushes_{pushes} {
    for (auto& files : earlier) {
        auto stream = std::make_unique<fed_stream>();
        stream->id = files.id;
        stream->name = stream_name(files.id);
        stream->files = std::move(files);
        streams_.push_back(std::move(stream));
    }
    note_earlier();
    auto own = std::make_unique<fed_stream>();
    own->id = writer.stream();
    own->name = stream_name(own->id);
    own->is_own = true;
    streams_.push_back(std::move(own));
}

journal_feeder::~journal_feeder() = default;

std::string journal_feeder::stream_name(ingest::uuid const& stream) {
    return "journal:" + ingest::to_string(stream);
}

journal_feeder::step_result journal_feeder::step(clock::time_point now) {
    if (target_.keeper.has_lost()) {
        begin_again();
    }

    // Until the positions are known nothing may be fed: stored records would only be met again.
    if (!is_open_) {
        auto const opened = open();
        if (!is_open_) {
            return opened;
        }
    }

    // The first stream that is not read to its end; the own one never is.
    auto const next =
        std::ranges::find_if(streams_, [](auto const& stream) { return !stream->is_fed; });
    auto const fed = feed(**next);

    // After every step, also while an old stream is fed: what is stored and due is removed by the
    // clock.
    retire(now);
    note_progress();
    return fed;
}

/// The database went back: everything that is known about it is forgotten, and all streams are fed
/// again from the positions that it has now. Blocks under way end in positions that are no longer
/// kept.
void journal_feeder::begin_again() {
    read_.clear();
    pushed_ = 0;
    is_decided_ = true;
    for (auto& stream : streams_) {
        stream->kept.reset();
        stream->reader.reset();
        stream->is_fed = false;
        if (std::exchange(stream->stored_at, std::nullopt)) {
            pushes_.earlier_lost(stream->files.bytes);
        }
    }
    {
        std::lock_guard const lock{mutex_};
        gaps_.clear();
    }

    // First the lanes: they drop the blocks that they still have, which are read again.
    target_.forget_batches();

    note_earlier();
    target_.keeper.watch({});
    own_committed_ = 0;
    pushes_.confirm_position(0); // nothing may be removed until the position is known
    is_drained_ = false;
    is_open_ = false;
}

/// Reads the positions of all streams, and where their files begin.
journal_feeder::step_result journal_feeder::open() {
    // Before the first catalog is loaded the sources are unknown, and with them the limits by which
    // a push is decoded.
    if (target_.catalog() == nullptr) {
        return {.wait = idle_wait};
    }

    std::vector<std::shared_ptr<kept_position>> kept;
    std::vector<std::shared_ptr<kept_position>> ended;
    for (auto& stream : streams_) {
        if (auto const opened = open_stream(*stream); stream->kept == nullptr) {
            return opened;
        }
        (stream->may_move() ? kept : ended).push_back(stream->kept);
    }

    target_.keeper.watch(std::move(kept), std::move(ended));
    is_open_ = true;
    return more;
}

journal_feeder::step_result journal_feeder::open_stream(fed_stream& stream) {
    if (stream.kept != nullptr) {
        return more;
    }
    stream.decisions = std::make_unique<payer_decisions>(target_.positions, stream.name,
                                                         target_.catalog, target_.decisions);
    bool const is_removed = stream.files.is_removed();

    // With the decisions on payers: a block fed without them could be decided otherwise (R6).
    auto const found = target_.positions.load(stream.name);
    auto const status = found.ok() && !is_removed ? stream.decisions->load(*found) : found.status();
    if (!status.ok()) {
        spdlog::warn("event=journal_position_unknown stream={} detail=\"{}\"", stream.name,
                     status.detail);
        return {.wait = retry_after};
    }
    auto const position = *found;

    // Feeding begins at the position, not at the first file: kept segments are stored already (R5).
    auto segments =
        ingest::segments_from(stream.is_own ? writer_.extents() : stream.files.segments, position);
    stream.opened_at = position;
    stream.next_record = position;
    stream.next_part = position;
    begin_at(stream, segments);

    // Of a removed stream there is nothing to read.
    stream.is_fed = is_removed;
    if (!is_removed) {
        stream.reader = std::make_unique<ingest::journal_reader>(stream.id, std::move(segments),
                                                                 folder_.disk());
    }
    stream.kept = std::make_shared<kept_position>(stream.name, position);

    if (stream.is_own) {
        own_committed_ = position;
        pushes_.confirm_position(position);
        stream.kept->on_committed = [this](std::uint64_t committed) {
            own_committed_ = committed;
            pushes_.confirm_position(committed);
        };
    }
    return more;
}

journal_feeder::step_result journal_feeder::feed(fed_stream& stream) {
    return read_.empty() ? read(stream) : push_read(stream);
}

/// Pushes what was read, as far as the lanes' credit goes.
journal_feeder::step_result journal_feeder::push_read(fed_stream& stream) {
    if (!is_decided_) {
        if (auto const settled = stream.decisions->settle(read_); !settled.ok()) {
            spdlog::warn("event=payers_not_kept stream={} detail=\"{}\"", stream.name,
                         settled.detail);
            return {.wait = retry_after};
        }
        is_decided_ = true;
    }

    // Resumes at the first block that is not pushed: without credit the step ends (R12).
    for (; pushed_ < read_.size(); ++pushed_) {
        auto& block = read_[pushed_];
        auto const bytes = block->memory_bytes();
        switch (target_.lanes.admit(bytes)) {
        case ingest::push_status::pushed:
            break;
        case ingest::push_status::full:
            return {.wait = credit_wait};
        case ingest::push_status::closed:
            return {.wait = idle_wait}; // the daemon stops
        }

        block->admitted_bytes = bytes;
        pass(stream, block->stream_begin);

        // R2: the prefix knows of the block before a lane can finish it.
        auto const number = stream.kept->prefix.begin(block->stream_begin, block->stream_end);
        stream.next_part = block->stream_end;

        // After begin_again() an old block finishes in a prefix that is no longer kept.
        block->on_done = [this, kept = stream.kept, number, is_own = stream.is_own,
                          first = block->stream_begin](ingest::block_outcome const& outcome) {
            if (outcome.durable) {
                kept->prefix.finish(number);
            }
            if (is_own) {
                pushes_.stored(first, outcome);
            }
        };

        if (is_reversed(reversal::decide_each_time)) {
            block->decided = {};
        }
        if (is_reversed(reversal::release_unwritten) && stream.is_own) {
            pushes_.confirm_position(stream.kept->prefix.below());
        }

        if (target_.lanes.push(block) != ingest::push_status::pushed) {
            target_.lanes.release(bytes);
            return {.wait = idle_wait};
        }
    }
    read_.clear();
    pushed_ = 0;
    return more;
}

/// Record numbers up to here belong to no record: the write of their segment failed, and they were
/// never acknowledged.
void journal_feeder::pass(fed_stream& stream, std::uint64_t record) {
    if (stream.next_part < record) {
        stream.kept->prefix.finish(stream.kept->prefix.begin(stream.next_part, record));
        stream.next_part = record;
    }
}

/// Reads frames, up to a bound.
journal_feeder::step_result journal_feeder::read(fed_stream& stream) {
    // Before the extents, which reach at least this far.
    auto const end = writer_.readable_end();
    if (stream.is_own) {
        auto segments = ingest::segments_from(writer_.extents(), stream.next_record);
        if (stream.next_record == stream.opened_at) {
            begin_at(stream, segments); // segments may have been removed since it was opened
        }
        stream.reader->extend(std::move(segments));
    }

    // Bounded by frames and by bytes, since what is read is held until the lanes have credit.
    std::uint64_t bytes = 0;
    ingest::frame_view frame;
    while (read_.size() < read_max && bytes < read_bytes_max) {
        switch (stream.reader->next(frame)) {
        case status::frame:
            bytes += frame.payload.size();
            take(stream, frame);
            break;
        // What was read before is pushed first: an end or damage is met again by the next call.
        case status::end:
            return read_.empty() ? at_end(stream, end) : more;
        case status::damaged:
            return read_.empty() ? damaged(stream) : more;
        case status::failed:
            spdlog::error("event=journal_not_readable error=\"{}\"",
                          std::strerror(stream.reader->error()));
            return {.wait = retry_after, .is_stuck = true};
        }
    }
    return more;
}

/// Decodes a frame, unless all of its records are stored.
void journal_feeder::take(fed_stream& stream, ingest::frame_view const& frame) {
    auto const& head = frame.head;
    auto const end = head.first_record + head.records;
    if (auto first = std::exchange(stream.unread, std::nullopt)) {
        first->first_record = head.first_record;
        look_for_gap(stream, {*first});
    }
    if (end <= stream.kept->prefix.below()) {
        stream.next_record = std::max(stream.next_record, end);
        return;
    }
    if (!stream.is_own) {
        oldest_of_earlier_ = head.received;
    }

    // R11: the frame has the settings and the decisions of the moment at which the push was taken.
    auto block = ingest::decode_pushed(frame.payload, *target_.lanes.sources(), head.received);

    // Record numbers of the frame become positions of the stream.
    block->stream_begin = head.first_record;
    block->stream_end = end;
    is_decided_ = is_decided_ && (block->batch.cdrs.empty() || !block->decided.empty());
    stream.next_record = end;
    read_.push_back(std::move(block));
}

/// Nothing more can be read now. `durable_end`: how far the own stream was on disk before.
journal_feeder::step_result journal_feeder::at_end(fed_stream& stream, std::uint64_t durable_end) {
    if (!stream.is_own) {
        note_end(stream);
        stream.is_fed = true;
        if (auto const& tail = stream.reader->tail()) {
            spdlog::warn("event=journal_tail_trimmed file={} offset={} bytes={}",
                         tail->file.string(), tail->begin, tail->bytes);
        }
        if (stream.next_record > stream.opened_at) { // most are only kept, and stored already
            spdlog::info("event=journal_replayed stream={} from_record={} to_record={}",
                         ingest::to_string(stream.id), stream.opened_at, stream.next_record);
        }
        return more;
    }

    // R4: a reader that has lost its place must not rest as if all were read.
    if (stream.next_record < durable_end) {
        target_.failures.report("journal_feeder", "records up to " + std::to_string(durable_end) +
                                                      " are on disk, and the reader ends at " +
                                                      std::to_string(stream.next_record));
    }
    return {.wait = idle_wait, .for_pushes = true};
}

journal_feeder::step_result journal_feeder::damaged(fed_stream& stream) {
    // Going on silently would hide a loss of acknowledged records, so the operator decides.
    auto const& damage = *stream.reader->damage();
    if (!target_.skips_damage) {
        target_.failures.report(
            "journal_feeder",
            "the journal holds acknowledged records that are damaged: " + daemon::describe(damage) +
                ". Keep a copy of the file. 'tallyd run --skip-journal-damage' goes on without "
                "these bytes; their senders have to send them again.");
        return {.wait = retry_after};
    }
    spdlog::error("event=journal_damage_skipped detail=\"{}\"", daemon::describe(damage));

    // The operator accepts the loss, so nothing below the next frame is waited for.
    auto const next = std::max(stream.next_record, damage.next_record);
    pass(stream, next);
    stream.next_record = next;
    stream.reader->skip_damage();
    return more;
}

std::string describe(ingest::journal_damage const& damage) {
    return damage.file.string() + ": bytes " + std::to_string(damage.begin) + " to " +
           std::to_string(damage.end) + " (records " + std::to_string(damage.first_record) +
           " to " + std::to_string(damage.next_record) + " of the stream): " + damage.detail;
}

} // namespace tally::daemon
