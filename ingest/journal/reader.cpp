#include "ingest/journal/reader.hpp"

#include <algorithm>
#include <utility>

namespace tally::ingest {

namespace {

/// Of a frame that may begin here: enough to see that it does not.
constexpr std::size_t probe_bytes = std::size_t{256} * 1024;

/// Whether it is worth to read the payload that a head asks for: text hardly ever looks like this.
bool is_plausible(frame_head const& head, std::uint64_t at, std::uint64_t record_min) noexcept {
    bool const counts = head.type == frame_type::records ? head.records > 0 : head.records == 0;
    bool const known = head.type == frame_type::records || head.type == frame_type::mark;
    return known && counts && head.first_record >= record_min && head.durable_bytes <= at &&
           head.durable_bytes >= segment_head_bytes;
}

} // namespace

journal_reader::journal_reader(uuid stream, std::vector<segment_extent> segments)
    : stream_(stream), segments_(std::move(segments)) {}

journal_reader::~journal_reader() = default;

void journal_reader::extend(std::vector<segment_extent> segments) {
    if (segments.empty()) {
        return;
    }
    if (!segments_.empty()) {
        auto const number = current().number;
        auto const next = std::find_if(segments.begin(), segments.end(),
                                       [&](auto const& each) { return each.number >= number; });
        segments.erase(segments.begin(), next);
        if (segments.empty()) {
            return;
        }
        // The segment has been released: the place in it means nothing in the next one.
        if (segments.front().number != number) {
            input_.reset();
            offset_ = 0;
        }
    }
    segments_ = std::move(segments);
    at_ = 0;
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
        case step::mark:
            break;
        case step::segment_end:
            if (!go_to_next_segment()) {
                return status::end;
            }
            break;
        case step::stop:
            return status::end;
        case step::damaged:
            return status::damaged;
        case step::failed:
            return status::failed;
        }
    }
}

journal_reader::step journal_reader::read_step(frame_view& out) {
    if (damage_) {
        return step::damaged;
    }
    if (at_ >= segments_.size()) {
        return step::stop;
    }
    if (input_ == nullptr) {
        if (auto const opened = open_segment(); opened != step::frame) {
            return opened;
        }
    }
    std::uint64_t const limit = readable_bytes();
    if (offset_ >= limit) {
        return step::segment_end;
    }
    auto const upto = [&](std::uint64_t wanted) {
        return input_->view(offset_, static_cast<std::size_t>(std::min(wanted, limit - offset_)));
    };
    frame_view found = read_frame(upto(frame_head_bytes), place());
    if (found.state == frame_state::partial && found.bytes <= limit - offset_) {
        found = read_frame(upto(found.bytes), place());
    }
    if (input_->error() != 0) {
        error_ = input_->error();
        input_.reset();
        return step::failed;
    }
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

journal_reader::step journal_reader::open_segment() {
    auto input = std::make_unique<segment_input>(current().file);
    if (input->error() != 0) {
        error_ = input->error();
        return step::failed;
    }
    input_ = std::move(input);
    // Behind a failure or damage the place to go on from is kept.
    offset_ = std::max<std::uint64_t>(offset_, segment_head_bytes);
    auto const head = decode_segment_head(input_->view(0, segment_head_bytes));
    if (!head || head->stream != stream_ || head->number != current().number) {
        offset_ = 0;
        return torn_or_damaged();
    }
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

/// Nothing whole begins at offset_.
journal_reader::step journal_reader::at_no_frame(frame_view const& found) {
    bool const clean_end = found.state == frame_state::none;
    if (knows_end() || !clean_end) {
        return torn_or_damaged();
    }
    // Zeros: the end, unless frames behind them show that something stood here.
    auto const judged = torn_or_damaged();
    if (judged == step::segment_end) {
        tail_.reset();
    }
    return judged;
}

journal_reader::step journal_reader::torn_or_damaged() {
    std::uint64_t next_record = next_record_;
    auto const proof = find_proof(next_record);
    if (proof) {
        return damaged_to(*proof, next_record, "not what was written");
    }
    bool const may_be_torn = !knows_end() && (is_last() || segments_[at_ + 1].follows_failure);
    std::uint64_t const end = readable_bytes();
    if (!may_be_torn) {
        // A segment that was followed by another ends where that one begins.
        std::uint64_t const following = is_last() ? next_record_ : segments_[at_ + 1].first_record;
        if (knows_end() || (following != next_record_ && following != segment_extent::unknown)) {
            return damaged_to(end, following, "not what was written");
        }
    }
    tail_ = journal_tail{current().file, offset_, end - offset_};
    offset_ = end;
    return step::segment_end;
}

/// The first whole frame behind offset_ — if it, or one behind it, was written when the bytes at
/// offset_ were on disk already.
std::optional<std::uint64_t> journal_reader::find_proof(std::uint64_t& next_record) {
    std::uint64_t const limit = readable_bytes();
    std::optional<std::uint64_t> first_whole;
    std::uint64_t const from = (offset_ + frame_alignment) / frame_alignment * frame_alignment;
    for (std::uint64_t at = std::max<std::uint64_t>(from, segment_head_bytes); at < limit;) {
        std::string_view const bytes = input_->view(
            at, static_cast<std::size_t>(std::min<std::uint64_t>(probe_bytes, limit - at)));
        if (bytes.empty()) {
            break;
        }
        auto const content = bytes.find_first_not_of('\0');
        if (content == std::string_view::npos) {
            at += bytes.size() / frame_alignment * frame_alignment;
            if (bytes.size() < frame_alignment) {
                break;
            }
            continue;
        }
        at += content / frame_alignment * frame_alignment;
        frame_view found = read_frame(input_->view(at, frame_head_bytes), place());
        if (found.state == frame_state::partial && found.bytes <= limit - at &&
            is_plausible(found.head, at, next_record_)) {
            found = read_frame(input_->view(at, found.bytes), place());
        }
        if (found.state != frame_state::whole) {
            at += frame_alignment;
            continue;
        }
        if (!first_whole) {
            first_whole = at;
            next_record = found.head.first_record;
        }
        if (found.head.durable_bytes > offset_) {
            return first_whole;
        }
        at += found.bytes;
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
    ++at_;
    input_.reset();
    offset_ = 0;
    return true;
}

} // namespace tally::ingest
