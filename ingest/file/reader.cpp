#include "ingest/file/reader.hpp"

#include "ingest/text/csv_row.hpp"

#include <algorithm>
#include <utility>

namespace tally::ingest {

namespace {

constexpr auto npos = std::string::npos;
constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";

/// A record over the limit is kept up to this length: enough for an operator to recognize it.
constexpr std::size_t too_large_kept_bytes = 4096;

/// Line ends: LF, in CSV also CR LF and the CR alone of old exports.
std::uint64_t count_lines(std::string_view text, framing cut) noexcept {
    auto lines = std::count(text.begin(), text.end(), '\n');
    for (std::size_t index = cut == framing::csv_row ? text.find('\r') : npos; index != npos;
         index = text.find('\r', index + 1)) {
        lines += index + 1 == text.size() || text[index + 1] != '\n' ? 1 : 0;
    }
    return static_cast<std::uint64_t>(lines);
}

} // namespace

file_reader::file_reader(byte_input input, file_reader_options options)
    : input_(std::move(input)), options_(options) {}

bool file_reader::next(file_piece& out) {
    out = {};
    if (!std::exchange(begun_, true)) {
        skip_byte_order_mark();
    }

    // A JSON document cannot be cut, so it is read completely.
    if (options_.cut == framing::whole) {
        return next_whole(out);
    }

    // A piece ends at piece_bytes, before a record over the limit, or at the end of the input.
    for (;;) {
        switch (scan()) {
        case scan_end::piece_full:
            give(out, record_begin_);
            return true;

        // The whole records before it come first, so that it begins the next piece.
        case scan_end::record_over_limit:
            if (record_begin_ > 0) {
                give(out, record_begin_);
            } else {
                give_too_large(out);
            }
            return true;

        case scan_end::need_more:
            if (ended_) {
                return give_rest(out);
            }
            read_more();
        }
    }
}

bool file_reader::next_whole(file_piece& out) {
    // One byte over the limit is enough to know that the file is too large.
    while (!ended_ && pending_.size() <= options_.whole_bytes_max) {
        read_more();
    }
    if (pending_.size() > options_.whole_bytes_max) {
        error_ = {file_failure::too_large,
                  "a file of this format is read as a whole and may have " +
                      std::to_string(options_.whole_bytes_max) + " bytes"};
    }

    // After a failure the document is incomplete, and an array without its end is no list of
    // records.
    if (!error_.ok() || pending_.empty()) {
        return false;
    }
    give(out, pending_.size());
    return true;
}

/// Moves record_begin_ over the whole records that have been read.
file_reader::scan_end file_reader::scan() noexcept {
    while (record_begin_ < options_.piece_bytes) {
        std::size_t const end = find_record_end();
        // An unfinished record counts as well: without this, a file without line ends would be read
        // into memory.
        if (std::min(end, pending_.size()) - record_begin_ > options_.record_bytes_max) {
            return scan_end::record_over_limit;
        }
        if (end == npos) {
            return scan_end::need_more;
        }
        record_begin_ = end;
    }
    return scan_end::piece_full;
}

/// The end of the open record, line end included; npos when it has not been read yet.
std::size_t file_reader::find_record_end() noexcept {
    if (options_.cut == framing::line) {
        // scanned_ remembers how far the search came: no byte of a long line is searched twice.
        std::size_t const line_feed = pending_.find('\n', scanned_);
        scanned_ = line_feed == npos ? pending_.size() : line_feed + 1;
        return line_feed == npos ? npos : scanned_;
    }
    // The decoder uses the same rule, so that both see the same rows.
    auto const open = std::string_view(pending_).substr(record_begin_);
    std::size_t const length = csv_row_length(open, false);
    return length == 0 ? npos : record_begin_ + length;
}

/// Appends one chunk of the input to pending_.
void file_reader::read_more() {
    std::size_t const size = pending_.size();

    // Room for the padding that simdjson needs: the piece moves into a batch without a copy.
    if (pending_.capacity() < options_.piece_bytes + options_.chunk_bytes) {
        pending_.reserve(options_.piece_bytes + 2 * options_.chunk_bytes + record_batch::padding);
    }
    pending_.resize(size + options_.chunk_bytes);
    std::size_t const got = input_.read(std::span(pending_).subspan(size));
    pending_.resize(size + got);

    // The input ends and fails in the same way: 0 bytes; only its error() tells them apart.
    if (got == 0) {
        ended_ = true;
        error_ = input_.error();
    }
}

/// At the end of the input: the whole records, then a last one that may have no line end. After a
/// failure the last record may be torn, so it is left out.
bool file_reader::give_rest(file_piece& out) {
    std::size_t const bytes = error_.ok() ? pending_.size() : record_begin_;
    if (bytes > 0) {
        give(out, bytes);
    }
    return bytes > 0;
}

/// Moves the first `bytes` of pending_ into `out`. Only the rest, which is shorter, is copied.
void file_reader::give(file_piece& out, std::size_t bytes) {
    // The rest gets the room of a full piece at once, so that the next reads do not move it.
    std::string rest;
    if (!ended_) {
        rest.reserve(options_.piece_bytes + 2 * options_.chunk_bytes + record_batch::padding);
    }
    rest.assign(pending_, bytes);

    // pending_ was allocated with room for the padding, so the piece keeps its buffer.
    out.bytes = std::move(pending_);
    out.bytes.resize(bytes);
    out.offset = offset_;
    out.first_line = line_;
    pending_ = std::move(rest);
    offset_ += bytes;
    line_ += count_lines(out.bytes, options_.cut);
    start_over();
}

/// Keeps the beginning of the record and drops the rest of its line, however long it is: memory
/// stays bounded, and the next record is read as usual.
void file_reader::give_too_large(file_piece& out) {
    out.error = record_error::record_too_large;
    out.offset = offset_;
    out.first_line = line_;

    out.bytes = pending_.substr(0, too_large_kept_bytes);

    // Read and drop until the line ends.
    for (std::size_t length = 0; length == 0;) {
        length = first_line_length();
        // A CR at the very end stays until the next byte shows whether an LF follows: CR LF is one
        // line end.
        std::size_t const kept = !ended_ && pending_.ends_with('\r') ? 1 : 0;
        std::size_t const dropped = length > 0 ? length : pending_.size() - kept;
        out.record_bytes += dropped;
        pending_.erase(0, dropped);
        if (length == 0) {
            read_more();
        }
        if (length == 0 && ended_ && pending_.empty()) {
            break;
        }
    }

    // The line may be shorter than the beginning that was kept.
    out.bytes.resize(std::min<std::uint64_t>(out.bytes.size(), out.record_bytes));
    offset_ += out.record_bytes;
    line_ += 1;
    start_over();
}

/// Length of the first line of pending_, line end included; 0 when its end has not been read yet.
std::size_t file_reader::first_line_length() const noexcept {
    std::size_t const index = pending_.find_first_of(options_.cut == framing::line ? "\n" : "\r\n");
    if (index == npos) {
        return 0;
    }

    // LF ends a line, CR LF is one end, and a CR alone is one only if no LF can follow it.
    if (pending_[index] == '\n') {
        return index + 1;
    }
    if (index + 1 == pending_.size()) {
        return ended_ ? index + 1 : 0;
    }
    return pending_[index + 1] == '\n' ? index + 2 : index + 1;
}

void file_reader::skip_byte_order_mark() {
    // The mark may arrive in pieces. It is skipped here, since only the first piece may begin with
    // one; offsets count it, as they are positions in the file.
    while (!ended_ && pending_.size() < byte_order_mark.size()) {
        read_more();
    }
    if (pending_.starts_with(byte_order_mark)) {
        pending_.erase(0, byte_order_mark.size());
        offset_ = byte_order_mark.size();
    }
}

void file_reader::start_over() noexcept {
    record_begin_ = 0;
    scanned_ = 0;
}

} // namespace tally::ingest
