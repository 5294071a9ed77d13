#include "ingest/journal/reader.hpp"

#include "ingest/base/reversal.hpp"

#include <algorithm>
#include <utility>

namespace tally::ingest {

namespace {

/// Read-ahead of the search for whole frames.
constexpr std::size_t probe_bytes = std::size_t{256} * 1024;

/// Whether a head is plausible enough to read the payload that it asks for. Text in a payload
/// hardly ever passes, so the search does not read a gigabyte for a random length.
bool is_plausible(frame_head const& head, std::uint64_t index, std::uint64_t record_min) noexcept {
    bool const counts = head.type == frame_type::records ? head.records > 0 : head.records == 0;
    bool const known = head.type == frame_type::records || head.type == frame_type::mark;
    return known && counts && head.first_record >= record_min && head.durable_bytes <= index &&
           head.durable_bytes >= segment_head_bytes;
}

} // namespace

journal_reader::journal_reader(uuid stream, std::vector<segment_extent> segments,
                               journal_disk& disk)
    : stream_(stream), segments_(std::move(segments)), disk_(disk) {}

journal_reader::~journal_reader() = default;

/// Replaces the extents and keeps the position, if its segment is still there.
void journal_reader::extend(std::vector<segment_extent> segments) {
    if (segments.empty()) {
        return;
    }

    // Segments before the current one have been read.
    if (!segments_.empty()) {
        auto const number = current().number;
        auto const next = std::find_if(segments.begin(), segments.end(),
                                       [&](auto const& each) { return each.number >= number; });
        segments.erase(segments.begin(), next);
        if (segments.empty()) {
            return;
        }

        // The current segment has been released: the offset in it means nothing in the next one.
        if (segments.front().number != number && !is_reversed(reversal::lose_offset)) {
            input_.reset();
            offset_ = 0;
        }
    }

    // The last segment may have grown since it was buffered.
    segments_ = std::move(segments);
    index_ = 0;
    if (input_ != nullptr) {
        input_->forget();
    }
}

std::uint64_t journal_reader::readable_bytes() const noexcept {
    return knows_end() ? std::min(current().durable_bytes, input_->bytes()) : input_->bytes();
}

journal_reader::status journal_reader::next(frame_view& out) {
    while (true) {
        switch (read_step(out)) {
        case step::frame:
            return status::frame;

        // Marks are for the reader itself: they prove what was on disk.
        case step::mark:
            break;

        // The stream goes on in the next segment, if there is one already.
        case step::segment_end:
            if (!go_to_next_segment()) {
                return status::end;
            }
            break;
        case step::stop:
            return status::end;

        // The caller decides whether to skip damage, or to try a failed read again.
        case step::damaged:
            return status::damaged;
        case step::failed:
            return status::failed;
        }
    }
}

/// Reads one frame, or says why there is none at offset_.
journal_reader::step journal_reader::read_step(frame_view& out) {
    if (damage_) {
        return step::damaged;
    }
    if (index_ >= segments_.size()) {
        return step::stop;
    }
    if (input_ == nullptr) {
        if (auto const opened = open_segment(); opened != step::frame) {
            return opened;
        }
    }

    // While the writer is alive, only bytes that are known to be on disk are read.
    std::uint64_t const limit = readable_bytes();
    if (offset_ >= limit) {
        return step::segment_end;
    }

    // The head first: it says how long the frame is.
    auto const view = [&](std::uint64_t wanted) {
        return input_->view(offset_, static_cast<std::size_t>(std::min(wanted, limit - offset_)));
    };
    frame_view found = read_frame(view(frame_head_bytes), location());
    if (found.state == frame_state::partial && found.bytes <= limit - offset_) {
        found = read_frame(view(found.bytes), location());
    }

    // A read error proves nothing about the bytes. Keep the offset, so that the caller can retry.
    if (input_->error() != 0) {
        return read_failed();
    }

    // A frame that is whole but has another number than expected follows missing records: also
    // damage.
    if (found.state != frame_state::whole ||
        (knows_next_record_ && found.head.first_record != next_record_)) {
        return at_no_frame(found);
    }
    knows_next_record_ = true;
    offset_ += found.bytes;
    next_record_ = found.head.first_record + found.head.records;
    out = found;
    return found.head.type == frame_type::mark ? step::mark : step::frame;
}

/// Bytes that cannot be read prove nothing: they are neither torn nor damaged. Keeps the offset, so
/// that the caller can retry.
journal_reader::step journal_reader::read_failed() {
    error_ = input_->error();
    input_.reset();
    return step::failed;
}

/// Opens the current segment and checks that its head is the expected one.
journal_reader::step journal_reader::open_segment() {
    auto input = std::make_unique<segment_input>(disk_, current().file);
    if (input->error() != 0) {
        error_ = input->error();
        return step::failed;
    }
    input_ = std::move(input);
    // After a read error or skipped damage, reading continues at the same offset.
    offset_ = std::max<std::uint64_t>(offset_, segment_head_bytes);

    // A head of another segment means that the file was copied or renamed.
    auto const head = decode_segment_head(input_->view(0, segment_head_bytes));
    if (input_->error() != 0) {
        return read_failed();
    }
    if (!head || head->stream != stream_ || head->number != current().number) {
        offset_ = 0;
        return torn_or_damaged();
    }

    // Numbers may be missing between two segments only after a failed write (R1).
    bool const gap = knows_next_record_ && head->first_record != next_record_;
    if (offset_ == segment_head_bytes) {
        if (gap && !head->follows_failure) {
            return damaged_to(offset_, head->first_record, "records are missing before it");
        }
        next_record_ = head->first_record;
        knows_next_record_ = true;
    }
    return step::frame;
}

/// Called when no whole frame begins at offset_.
journal_reader::step journal_reader::at_no_frame(frame_view const& found) {
    bool const clean_end = found.state == frame_state::none;
    if (knows_end() || !clean_end) {
        return torn_or_damaged();
    }

    // Zeros are the end of the segment, unless a later frame proves that something was written
    // here.
    auto const judged = torn_or_damaged();

    // A clean end: nothing was cut short, so there is no tail to report.
    if (judged == step::segment_end) {
        tail_.reset();
    }
    return judged;
}

/// Decides what the bytes at offset_ are, and moves on or stops:
///
///     a later frame proves that they were on disk    damage, up to the next whole frame
///     the stream ends here, or a write failed here   a torn tail: never acknowledged, left out
///     the next segment begins with the next record   the end of this segment
///     anything else                                  damage, up to the end of the segment
journal_reader::step journal_reader::torn_or_damaged() {
    std::uint64_t next_record = next_record_;
    auto const proof = find_proof(next_record);
    if (input_->error() != 0) {
        return read_failed();
    }
    if (proof) {
        return damaged_to(*proof, next_record, "not what was written");
    }

    // Only the last write of a run can be cut short: at the end of the stream, or where the writer
    // gave a segment up and continued in the next one.
    bool const may_be_torn = !knows_end() && (is_last() || segments_[index_ + 1].follows_failure);
    std::uint64_t const end = readable_bytes();
    if (!may_be_torn) {
        // A segment that is followed by another one ends with the record before that one's first.
        // With other numbers, acknowledged records are missing.
        std::uint64_t const following =
            is_last() ? next_record_ : segments_[index_ + 1].first_record;
        if (knows_end() || (following != next_record_ && following != segment_extent::unknown)) {
            return damaged_to(end, following, "not what was written");
        }
    }

    // Nothing proves that these bytes were acknowledged: leave them out.
    tail_ = journal_tail{current().file, offset_, end - offset_};
    offset_ = end;
    return step::segment_end;
}

/// Searches for a proof that the bytes at offset_ were on disk once. Returns the offset of the
/// first whole frame after offset_ if that frame, or one after it, was written when the bytes at
/// offset_ were already on disk; `next_record` becomes the number of its first record. For example:
///
///     offset         64    1064    2064    3064
///     frame          A     ?       C       mark
///     durable_bytes  64            64      3064
///
/// At 1064 nothing is whole. C alone proves nothing: A, ? and C were one group, and a loss of power
/// may leave later sectors of an unfinished group without the earlier ones. The mark was written
/// after fdatasync had confirmed 3064 bytes, so the bytes at 1064 were acknowledged and are
/// damaged; reading can continue at C.
std::optional<std::uint64_t> journal_reader::find_proof(std::uint64_t& next_record) {
    std::uint64_t const limit = readable_bytes();
    std::optional<std::uint64_t> first_whole;
    std::uint64_t const begin = (offset_ + frame_alignment) / frame_alignment * frame_alignment;
    for (std::uint64_t index = std::max<std::uint64_t>(begin, segment_head_bytes); index < limit;) {
        std::string_view const bytes = input_->view(
            index, static_cast<std::size_t>(std::min<std::uint64_t>(probe_bytes, limit - index)));
        if (bytes.empty()) {
            break;
        }

        // A frame does not begin with eight zero bytes (its length and CRC). Most of an allocated
        // segment is zeros, so they are skipped in large pieces; every frame begins at a multiple
        // of frame_alignment.
        auto const content = bytes.find_first_not_of('\0');
        if (content == std::string_view::npos) {
            index += bytes.size() / frame_alignment * frame_alignment;
            if (bytes.size() < frame_alignment) {
                break;
            }
            continue;
        }
        index += content / frame_alignment * frame_alignment;

        // Read the payload only if the head is plausible.
        frame_view found = read_frame(input_->view(index, frame_head_bytes), location());
        if (found.state == frame_state::partial && found.bytes <= limit - index &&
            is_plausible(found.head, index, next_record_)) {
            found = read_frame(input_->view(index, found.bytes), location());
        }
        if (found.state != frame_state::whole) {
            index += frame_alignment;
            continue;
        }

        // Reading will continue here, if there is a proof.
        if (!first_whole) {
            first_whole = index;
            next_record = found.head.first_record;
        }

        // The writer only knows of bytes that fdatasync has confirmed, so this is the proof.
        if (found.head.durable_bytes > offset_) {
            return first_whole;
        }

        // A frame of the same group proves nothing: go on.
        index += found.bytes;
    }
    return std::nullopt;
}

journal_reader::step journal_reader::damaged_to(std::uint64_t end, std::uint64_t next_record,
                                                std::string detail) {
    damage_ = journal_damage{
        current().file,   offset_, end, next_record_, std::max(next_record, next_record_),
        std::move(detail)};
    return step::damaged;
}

/// After damage the numbers are known again only with the next whole frame.
void journal_reader::skip_damage() {
    if (!damage_) {
        return;
    }
    offset_ = damage_->end;
    next_record_ = damage_->next_record;
    knows_next_record_ = false;
    damage_.reset();
}

bool journal_reader::go_to_next_segment() {
    if (is_last()) {
        return false;
    }
    ++index_;
    input_.reset();
    offset_ = 0;
    return true;
}

} // namespace tally::ingest
