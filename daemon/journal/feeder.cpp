#include "daemon/journal/feeder.hpp"

#include "ingest/journal/pushed_body.hpp"

#include <spdlog/spdlog.h>

#include <cstring>
#include <utility>

namespace tally::daemon {

namespace {

using std::chrono::milliseconds;

/// How long to sleep when the lanes have no credit: they give some back every few milliseconds.
constexpr milliseconds credit_wait{2};
/// How long to wait for the next durable push; also the delay after which draining_ is noticed.
constexpr milliseconds progress_wait{100};
/// The pause after a failed read.
constexpr milliseconds read_again_after{5000};

} // namespace

/// The blocks under way, in stream order. Lanes finish them in any order, and a stream is only
/// stored up to the first unfinished one:
///
///     parts   [ stored | stored | under way | stored | under way ]
///                               ^ stored_below
///
/// Shared with the blocks' callbacks, which may outlive the feeder.
struct journal_feeder::progress {
    struct part {
        std::uint64_t first_record = 0;
        std::uint64_t end_record = 0;
        ingest::time_us received = 0;
        bool stored = false;
        bool given_up = false;
    };
    mutable std::mutex mutex; ///< guards all members
    std::condition_variable changed;
    std::deque<part> parts;
    std::uint64_t first_part = 0; ///< the number of parts.front()
    std::uint64_t stored_below = 0;

    std::uint64_t begin(part added) {
        std::lock_guard const lock{mutex};
        parts.push_back(added);
        return first_part + parts.size() - 1;
    }
    /// Returns the record number below which all records are in the database.
    std::uint64_t finish(std::uint64_t number, bool stored) {
        std::lock_guard const lock{mutex};
        auto& done = parts[number - first_part];
        (stored ? done.stored : done.given_up) = true;
        while (!parts.empty() && parts.front().stored) {
            stored_below = parts.front().end_record;
            parts.pop_front();
            ++first_part;
        }
        changed.notify_all();
        return stored_below;
    }
    /// Prepares for the next stream, whose record numbers start again at 0.
    void clear() {
        std::lock_guard const lock{mutex};
        first_part += parts.size();
        parts.clear();
        stored_below = 0;
    }
};

journal_feeder::journal_feeder(target destination, ingest::journal_folder& folder,
                               ingest::journal_writer& writer, push_journal& pushes,
                               std::vector<ingest::journal_stream> earlier)
    : target_{std::move(destination)}, folder_{folder}, writer_{writer}, pushes_{pushes},
      earlier_{std::move(earlier)}, progress_{std::make_shared<progress>()} {}

journal_feeder::~journal_feeder() {
    stop();
}

std::string journal_feeder::stream_name(ingest::uuid const& stream) {
    return "journal:" + ingest::to_string(stream);
}

void journal_feeder::start() {
    thread_ = std::thread{[this] { run(); }};
}

void journal_feeder::stop() noexcept {
    stopping_ = true;
    {
        std::lock_guard const lock{progress_->mutex}; // no waiter is between its check and its wait
    }
    progress_->changed.notify_all();
    if (thread_.joinable()) {
        thread_.join();
    }
}

bool journal_feeder::drain(milliseconds limit) {
    draining_ = true;
    std::unique_lock lock{progress_->mutex};
    return progress_->changed.wait_for(lock, limit, [this] { return drained_.load(); });
}

std::optional<ingest::time_us> journal_feeder::oldest_of_earlier() const {
    auto const oldest = oldest_of_earlier_.load();
    return oldest == 0 ? std::nullopt : std::optional{oldest};
}

std::uint64_t journal_feeder::stored_below() const {
    std::lock_guard const lock{progress_->mutex};
    return progress_->stored_below;
}

void journal_feeder::run() noexcept {
    try {
        work();
    } catch (std::exception const& error) {
        // Out of memory, or a bug. The journal keeps all records, and the next run reads them.
        target_.failures.report("journal_feeder", error.what());
    }
}

void journal_feeder::work() {
    // The age of the oldest push is a metric, also while nothing can be replayed yet.
    for (auto const& stream : earlier_) {
        ingest::frame_view frame;
        ingest::journal_reader reader{stream.id, stream.segments};
        if (reader.next(frame) == ingest::journal_reader::status::frame) {
            oldest_of_earlier_ = frame.head.received;
            break;
        }
    }

    // Wait until the lanes take blocks. Before the first catalog is loaded, the sources are
    // unknown, and with them the time zones and number rules by which a push is decoded.
    if (!admit(0)) {
        return;
    }

    for (auto const& stream : earlier_) {
        if (!replay(stream)) {
            return;
        }
    }
    oldest_of_earlier_ = 0;
    follow();
}

/// Replays a stream of an earlier run to its end, and removes it. False: the daemon stops, or a
/// failure was reported.
bool journal_feeder::replay(ingest::journal_stream const& stream) {
    auto const name = stream_name(stream.id);
    auto const before = target_.progress(name);
    spdlog::info("event=journal_replay stream={} segments={} from_record={}",
                 ingest::to_string(stream.id), stream.segments.size(), before.stored_below);

    ingest::journal_reader reader{stream.id, stream.segments};
    if (!feed_all(reader, name, before)) {
        return false;
    }

    // The files are removed only after the last record is in the database (R5).
    if (!wait_stored()) {
        if (!stopping()) {
            target_.failures.report("journal_feeder", "a lane dropped records that are not stored");
        }
        return false;
    }
    if (auto const& tail = reader.tail()) {
        spdlog::warn("event=journal_tail_trimmed file={} offset={} bytes={}", tail->file.string(),
                     tail->begin, tail->bytes);
    }

    // Files that cannot be removed do no harm: their records have been stored.
    if (int const error = folder_.remove(stream); error != 0) {
        spdlog::error("event=journal_not_removed stream={} error=\"{}\"",
                      ingest::to_string(stream.id), std::strerror(error));
    } else {
        pushes_.earlier_removed(stream.bytes);
        target_.forget(name);
    }
    spdlog::info("event=journal_replayed stream={} to_record={}", ingest::to_string(stream.id),
                 reader.next_record());
    progress_->clear();
    return true;
}

/// Feeds all frames of a stream, except those whose records are all stored. False: the daemon
/// stops, or a failure was reported.
bool journal_feeder::feed_all(ingest::journal_reader& reader, std::string const& stream,
                              storage::stream_progress const& before) {
    ingest::frame_view frame;
    bool is_first = true;
    while (!stopping()) {
        switch (reader.next(frame)) {
        case ingest::journal_reader::status::frame:
            if (std::exchange(is_first, false)) {
                check_begin(frame, stream, before);
            }
            // Below `stored_below` every lane has stored its records, so the frame is skipped. Up
            // to `reached` some lanes have: the block's records are looked up by their keys.
            if (frame.head.first_record + frame.head.records > before.stored_below &&
                !feed(frame, stream, false, frame.head.first_record < before.reached)) {
                return false;
            }
            oldest_of_earlier_ = frame.head.received;
            break;
        case ingest::journal_reader::status::end:
            return true;
        case ingest::journal_reader::status::damaged:
            if (!target_.skips_damage) { // the check at the start found none, so it is new
                target_.failures.report("journal_feeder", describe(*reader.damage()));
                return false;
            }
            is_first = false; // after a gap the first frame proves nothing
            spdlog::error("event=journal_damage_skipped detail=\"{}\"", describe(*reader.damage()));
            reader.skip_damage();
            break;
        case ingest::journal_reader::status::failed:
            read_failed(reader);
            break;
        }
    }
    return false;
}

/// Records are removed only after the database has confirmed them. So when a stream begins at 900
/// and the database has `reached` = 500, it has lost confirmed records (failover, restore), and 500
/// to 899 are in neither.
void journal_feeder::check_begin(ingest::frame_view const& frame, std::string const& stream,
                                 storage::stream_progress const& before) const {
    if (frame.head.first_record > before.reached) {
        spdlog::critical(
            "event=journal_records_missing stream={} records={}-{} error=\"the database "
            "has lost acknowledged records that it had stored, and the journal no "
            "longer has them; their senders have to send them again\"",
            stream, before.reached, frame.head.first_record);
    }
}

void journal_feeder::read_failed(ingest::journal_reader const& reader) {
    spdlog::error("event=journal_not_readable error=\"{}\"", std::strerror(reader.error()));
    std::unique_lock lock{progress_->mutex};
    progress_->changed.wait_for(lock, read_again_after, [this] { return stopping(); });
}

/// Feeds the stream of this run as it grows, until the daemon stops or all of it is drained.
void journal_feeder::follow() {
    auto const name = stream_name(writer_.stream());
    ingest::journal_reader reader{writer_.stream(), {}};
    while (!stopping()) {
        // Both are read before the extents, which then contain at least what these two promise.
        bool const is_draining = draining_;
        auto const readable_end = writer_.readable_end();
        reader.extend(writer_.extents());
        if (!read_on(reader, name)) {
            return;
        }
        if (stopping()) {
            return;
        }

        // If the reader stopped short of this end, records would wait unseen.
        if (reader.next_record() < readable_end) {
            target_.failures.report("journal_feeder", "reading stopped at record " +
                                                          std::to_string(reader.next_record()) +
                                                          " of " + std::to_string(readable_end));
            return;
        }
        // The journal takes no pushes while draining, so the end that was reached is the last one.
        if (is_draining && wait_stored()) {
            std::lock_guard const lock{progress_->mutex};
            drained_ = true;
            progress_->changed.notify_all();
            return;
        }
        pushes_.wait_durable(reader.next_record(), progress_wait);
    }
}

/// Feeds all frames that can be read now. False: a failure was reported.
bool journal_feeder::read_on(ingest::journal_reader& reader, std::string const& stream) {
    ingest::frame_view frame;
    while (!stopping()) {
        switch (reader.next(frame)) {
        case ingest::journal_reader::status::frame:
            if (!feed(frame, stream, true, false)) {
                return stopping();
            }
            break;
        case ingest::journal_reader::status::end:
            return true;
        case ingest::journal_reader::status::damaged:
            target_.failures.report("journal_feeder", describe(*reader.damage()));
            return false; // the next start refuses, and prints what to do
        case ingest::journal_reader::status::failed:
            read_failed(reader);
            break;
        }
    }
    return true;
}

/// Pushes one frame into the lanes; waits for their credit. False: the daemon stops, and the frame
/// was not pushed.
bool journal_feeder::feed(ingest::frame_view const& frame, std::string const& stream, bool is_own,
                          bool may_be_stored) {
    auto block =
        ingest::decode_pushed(frame.payload, *target_.lanes.sources(), frame.head.received);
    block->stream = storage::dealt_stream(stream, target_.lane_count);
    block->may_be_stored = may_be_stored;
    block->stream_begin = frame.head.first_record;
    block->stream_end = frame.head.first_record + frame.head.records;
    block->admitted_bytes = block->memory_bytes();

    if (!admit(block->admitted_bytes)) {
        return false;
    }

    auto const number = progress_->begin(
        {block->stream_begin, block->stream_end, frame.head.received, false, false});
    block->on_done = [this, shared = progress_, number, is_own,
                      first = block->stream_begin](ingest::block_outcome const& outcome) {
        auto const below = shared->finish(number, outcome.durable);
        if (is_own) {
            pushes_.stored(first, outcome);
            pushes_.stored_below(below);
        }
    };

    std::size_t const bytes = block->admitted_bytes;
    if (target_.lanes.push(block) != ingest::push_status::pushed) {
        target_.lanes.release(bytes);
        progress_->finish(number, false);
        return false;
    }
    return true;
}

bool journal_feeder::admit(std::size_t bytes) {
    while (!stopping()) {
        switch (target_.lanes.admit(bytes)) {
        case ingest::push_status::pushed:
            return true;
        case ingest::push_status::closed:
            stopping_ = true;
            return false;
        case ingest::push_status::full:
            std::this_thread::sleep_for(credit_wait);
            break;
        }
    }
    return false;
}

/// Waits until no block is under way, or one was given up. True: all fed records are in the
/// database.
bool journal_feeder::wait_stored() {
    std::unique_lock lock{progress_->mutex};
    auto const over = [this] {
        return progress_->parts.empty() || progress_->parts.front().given_up || stopping();
    };
    progress_->changed.wait(lock, over);
    return progress_->parts.empty();
}

std::string describe(ingest::journal_damage const& damage) {
    return damage.file.string() + ": bytes " + std::to_string(damage.begin) + " to " +
           std::to_string(damage.end) + " (records " + std::to_string(damage.first_record) +
           " to " + std::to_string(damage.next_record) + " of the stream): " + damage.detail;
}

std::vector<ingest::journal_damage>
find_damage(std::vector<ingest::journal_stream> const& streams) {
    std::vector<ingest::journal_damage> found;
    for (auto const& stream : streams) {
        ingest::journal_reader reader{stream.id, stream.segments};
        ingest::frame_view frame;
        auto answer = ingest::journal_reader::status::frame;
        while (answer == ingest::journal_reader::status::frame) {
            answer = reader.next(frame);
        }
        if (answer == ingest::journal_reader::status::damaged) {
            found.push_back(*reader.damage());
        } else if (answer ==
                   ingest::journal_reader::status::failed) { // unreadable counts as damaged
            found.push_back({stream.segments.front().file, 0, 0, reader.next_record(),
                             reader.next_record(), std::strerror(reader.error())});
        }
    }
    return found;
}

} // namespace tally::daemon
