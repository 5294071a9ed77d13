#include "daemon/journal/push_journal.hpp"

#include "ingest/base/reversal.hpp"
#include "ingest/base/time.hpp"
#include "ingest/journal/pushed_body.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace tally::daemon {

namespace {

using clock = std::chrono::steady_clock;

/// How often stored segments are removed while no push arrives.
constexpr std::chrono::milliseconds idle_wait{200};
/// How long the feeder may take to remove an earlier stream when the disk is full.
constexpr std::chrono::seconds feeder_wait{1};

} // namespace

push_journal::push_journal(push_journal_options options, ingest::journal_writer& writer,
                           std::function<std::shared_ptr<ingest::source_table const>()> sources,
                           std::function<void(ingest::record_block&)> decide,
                           std::function<void(journal_report const&)> report)
    : options_{std::move(options)}, writer_{writer}, sources_{std::move(sources)},
      decide_{std::move(decide)}, report_{std::move(report)}, credit_{options_.memory_bytes_max},
      earlier_bytes_{options_.earlier_bytes} {}

push_journal::~push_journal() {
    close();
    give_up_waiting();
}

void push_journal::close() noexcept {
    closed_ = true;
    {
        std::lock_guard const lock{mutex_};
        stopping_ = true;
    }
    wake_.notify_all();
}

std::uint64_t push_journal::bytes() const {
    return earlier_bytes_ + writer_.disk_bytes();
}

/// Once full, the journal stays full until an eighth of its space is free. Otherwise it would
/// alternate between full and not full with each segment that is removed.
///
///     bytes_max 8 GiB: full above 8 GiB, and from then on until no more than 7 GiB are used
bool push_journal::has_room(std::size_t bytes) noexcept {
    // Files that are only kept count as free space, because they are given up when space is needed
    // (R5).
    std::uint64_t const stored = earlier_stored_bytes_ + retained_bytes_;
    std::uint64_t const used = this->bytes() - std::min(stored, this->bytes()) +
                               writer_.pending_bytes() + bytes +
                               static_cast<std::uint64_t>(credit_.used());
    std::uint64_t const limit =
        full_ ? options_.bytes_max - options_.bytes_max / 8 : options_.bytes_max;
    full_ = used > limit;
    return !full_;
}

/// Asked before the body is read, so that a refused push costs no memory (R12).
ingest::push_status push_journal::admit(std::size_t bytes) noexcept {
    if (closed_.load(std::memory_order_acquire)) {
        return ingest::push_status::closed;
    }

    // Credit last: a push that is refused for another reason must not take any.
    bool const granted =
        open_ && has_room(bytes) &&
        (credit_.take(static_cast<std::int64_t>(bytes)) || is_reversed(reversal::admit_pushes));
    return granted ? ingest::push_status::pushed : ingest::push_status::full;
}

void push_journal::release(std::size_t bytes) noexcept {
    credit_.give_back(static_cast<std::int64_t>(bytes));
}

ingest::push_status push_journal::push(std::unique_ptr<ingest::record_block>& block) {
    if (closed_.load(std::memory_order_acquire)) {
        return ingest::push_status::closed;
    }

    // The body as it was pushed goes into the journal, with the payers as they are now; the decoded
    // records are dropped here. The feeder decodes the body again, so that a replay after a restart
    // takes the same path.
    decide_(*block);
    std::string const payload = ingest::encode_pushed(*block);
    waiter pending;
    pending.admitted_bytes = block->admitted_bytes;
    auto const waits = block->waits.lock();
    pending.waits_for_commit = waits != nullptr;
    pending.answer = push_answer{std::exchange(block->on_done, nullptr)};
    auto const records = block->batch.received();
    block.reset(); // its memory is not needed while the push waits for the disk

    auto const bytes = pending.admitted_bytes;
    auto const first_record = append(payload, records, pending);
    if (!first_record) {
        // Closed meanwhile, so it will not be written: its sender is answered here.
        pending.answer.give_up();
        release(bytes);
        return ingest::push_status::pushed;
    }
    wake_.notify_one();

    // When the request times out the session calls on_gone, which removes the waiter.
    if (waits != nullptr) {
        waits->on_gone = [this, record = *first_record] { sender_gone(record); };
    }
    return ingest::push_status::pushed;
}

std::optional<std::uint64_t> push_journal::append(std::string const& payload, std::uint32_t records,
                                                  waiter& pending) {
    // Both locks are held until the waiter is registered, so that stored() finds it even when the
    // push reaches the database at once.
    std::scoped_lock const lock{commit_mutex_, mutex_};
    if (stopping_) {
        return std::nullopt;
    }
    auto const now = ingest::now_us();
    auto const first_record = writer_.append(payload, records, now);
    pending.first_record = first_record;
    pending.end_record = pending.first_record + records;

    // One arrival per second is enough for an age in seconds, and bounds the list.
    if (arrivals_.empty() || now - arrivals_.back().received >= ingest::us_per_s) {
        arrivals_.push_back({pending.first_record, now});
    }

    if (pending.waits_for_commit) {
        commit_waiters_[first_record].answer = std::move(pending.answer);
    }

    // Every push waits for the disk, also one whose sender waits for COMMIT (R1).
    waiters_.push_back(std::move(pending));
    return first_record;
}

bool push_journal::await_push() {
    std::unique_lock lock{mutex_};
    pulse_.rest();
    wake_.wait_for(lock, idle_wait, [this] { return stopping_ || !waiters_.empty(); });

    // What was appended before the end is still written.
    bool const goes_on = !stopping_ || !waiters_.empty();
    if (goes_on) {
        pulse_.work();
    }
    return goes_on;
}

void push_journal::end() noexcept {
    close();
    pulse_.rest();
}

bool push_journal::step(clock::time_point now) {
    // Group commit: pushes that arrive during this flush wait for the next one.
    std::deque<waiter> waiters;
    {
        std::lock_guard const lock{mutex_};
        std::swap(waiters, waiters_);
    }
    bool is_disk_full = false;
    if (!waiters.empty()) {
        auto const began = clock::now();
        auto const flush = writer_.flush();
        report_({clock::now() - began, flush.error, flush.end - flush.durable_end});
        tell(waiters, flush);
        is_disk_full = ingest::is_disk_full(flush.error);
    }

    // After the answers: senders do not wait for files to be removed.
    remove_stored_segments(now, is_disk_full);
    return !waiters.empty();
}

/// Removes segments whose records are all in the database, once they were kept long enough, or when
/// more of them are kept than may be. What fails is tried next time.
void push_journal::remove_stored_segments(clock::time_point now, bool is_disk_full) {
    std::uint64_t const committed = committed_;
    note_confirmed(committed, now);
    released_below_ = std::max(released_below_, take_kept_long_enough(now));

    // Nothing is kept: what the database has confirmed goes at once.
    if (options_.retain == std::chrono::seconds{0}) {
        released_below_ = committed;
    } else if (is_disk_full) {
        give_up_oldest(now);
    }
    give_up_beyond_bound(committed);

    static_cast<void>(writer_.release(released_below_));
}

/// Remembers since when the database has confirmed a position.
void push_journal::note_confirmed(std::uint64_t committed, clock::time_point now) {
    // What a database that went back had confirmed does not hold any longer.
    while (!confirmed_.empty() && confirmed_.back().record > committed) {
        confirmed_.pop_back();
    }
    released_below_ = std::min(released_below_, committed);

    // At most one entry per second, so that the list stays short.
    if (confirmed_.empty() || (committed > confirmed_.back().record &&
                               now - confirmed_.back().since >= std::chrono::seconds{1})) {
        confirmed_.push_back({committed, now});
    }
}

/// The position that was confirmed long enough ago.
std::uint64_t push_journal::take_kept_long_enough(clock::time_point now) {
    std::uint64_t record = 0;
    while (!confirmed_.empty() && now - confirmed_.front().since >= options_.retain) {
        record = confirmed_.front().record;
        confirmed_.pop_front();
    }
    return record;
}

/// Gives up the oldest stored segments beyond the bound of what is kept. A segment is stored if the
/// next one begins below.
///
///     segments   0 to 99   100 to 199   200 to 299   300 ...      committed: 250
///                stored    stored       not stored (300 > 250)
void push_journal::give_up_beyond_bound(std::uint64_t committed) {
    auto const segments = writer_.extents();
    std::uint64_t kept_bytes = 0;
    for (std::size_t i = segments.size(); i-- > 1;) {
        if (segments[i].first_record > committed) {
            continue;
        }
        kept_bytes += segments[i - 1].durable_bytes;
        if (kept_bytes > options_.retain_bytes) {
            released_below_ = std::max(released_below_, segments[i].first_record);
            break;
        }
    }
    retained_bytes_ = std::min(kept_bytes, options_.retain_bytes);
}

/// The disk has no space for a write: gives up the oldest of what is kept, and no more, since the
/// next write shows whether that is enough. What earlier runs left is older, and the feeder removes
/// it; if it does not, the oldest stored segment of this run goes.
void push_journal::give_up_oldest(clock::time_point now) {
    if (earlier_stored_bytes_ > 0) {
        if (!room_wanted_.exchange(true)) {
            room_wanted_at_ = now;
        }
        if (now - room_wanted_at_ < feeder_wait) {
            return;
        }
    }
    auto const segments = writer_.extents();
    if (segments.size() > 1 && segments[1].first_record <= committed_) {
        released_below_ = std::max(released_below_, segments[1].first_record);
    }
}

/// Answers the senders of `waiters`. A push that was appended during the previous flush may have
/// been written by it: its outcome is then that of the previous flush (`before_`).
///
///     flush A writes to record 39; a push of 37 to 39 was appended while A ran
///     flush B begins at 40, and finds the push among its waiters: A's outcome counts
void push_journal::tell(std::deque<waiter>& waiters, ingest::journal_flush const& flush) {
    {
        std::lock_guard const lock{mutex_};
        durable_ = writer_.readable_end();
    }
    progress_.notify_all(); // the feeder may read on

    for (auto& each : waiters) {
        auto const& subject = each.first_record >= flush.begin ? flush : before_;

        // R1: only what a successful fdatasync covers is durable.
        bool const durable = each.end_record <= subject.durable_end;
        if (each.answer) {
            each.answer.give({.durable = durable});
        } else if (!durable) { // waits for COMMIT, which will not come
            stored(each.first_record, {});
        } else { // waits for COMMIT; answered here only if its sender has gone
            tell_gone(each.first_record);
        }

        // R12: whatever its fate, the body is no longer in memory.
        release(each.admitted_bytes);
    }

    before_ = flush;
}

void push_journal::stored(std::uint64_t first_record, ingest::block_outcome const& outcome) {
    take_commit_waiter(first_record).give(outcome);
}

/// Empty: no sender waits for this push.
push_answer push_journal::take_commit_waiter(std::uint64_t first_record) {
    std::lock_guard const lock{commit_mutex_};
    auto found = commit_waiters_.extract(first_record);
    return found.empty() ? push_answer{} : std::move(found.mapped().answer);
}

/// The sender's request has timed out. Its records are counted once they are durable: here if they
/// already are, else by tell() after the flush.
void push_journal::sender_gone(std::uint64_t first_record) {
    {
        std::lock_guard const lock{commit_mutex_};
        auto const found = commit_waiters_.find(first_record);
        if (found == commit_waiters_.end()) {
            return;
        }
        found->second.has_gone = true;
    }
    if (durable_ > first_record) {
        tell_gone(first_record);
    }
}

void push_journal::tell_gone(std::uint64_t first_record) {
    push_answer answer;
    {
        std::lock_guard const lock{commit_mutex_};
        auto const found = commit_waiters_.find(first_record);
        if (found == commit_waiters_.end() || !found->second.has_gone) {
            return;
        }
        answer = std::move(found->second.answer);
        commit_waiters_.erase(found);
    }

    // Without the lock: the callback writes a response, which may take other locks.
    answer.give({.durable = true});
}

std::size_t push_journal::commit_waiters() const {
    std::lock_guard const lock{commit_mutex_};
    return commit_waiters_.size();
}

std::optional<ingest::time_us> push_journal::oldest() {
    std::lock_guard const lock{mutex_};
    std::uint64_t const committed = committed_;

    // Drop arrivals whose successor is stored, too: the first one left is that of the oldest push.
    while (arrivals_.size() > 1 && arrivals_[1].first_record <= committed) {
        arrivals_.pop_front();
    }

    if (durable_ <= committed || arrivals_.empty()) {
        return std::nullopt;
    }
    return arrivals_.front().received;
}

bool push_journal::wait_durable(std::uint64_t record, std::chrono::milliseconds limit) {
    std::unique_lock lock{mutex_};
    return progress_.wait_for(lock, limit, [&] { return durable_ > record; });
}

void push_journal::give_up_waiting() {
    // Their COMMIT will not come in this run. "Not durable" makes the sender repeat the push, and
    // its key is then met (R6).
    std::map<std::uint64_t, commit_waiter> left;
    std::deque<waiter> unwritten; // none, unless the thread has failed or was never started
    {
        std::scoped_lock const lock{commit_mutex_, mutex_};
        std::swap(left, commit_waiters_);
        std::swap(unwritten, waiters_);
    }

    // Without the locks: an answer may call back into the journal.
    for (auto& [record, each] : left) {
        each.answer.give_up();
    }
    for (auto& each : unwritten) {
        each.answer.give_up();
        release(each.admitted_bytes);
    }
}

} // namespace tally::daemon
