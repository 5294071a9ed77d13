#include "ingest/journal/segment.hpp"

#include "ingest/journal/crc32c.hpp"

#include <boost/endian/buffers.hpp>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace tally::ingest {

namespace {

constexpr std::string_view magic = "TALLYJN1";
constexpr std::string_view extension = ".journal";
// With leading zeros, so that a listing of the folder is in order.
constexpr std::size_t number_digits = 12;
constexpr std::size_t uuid_characters = 36;
constexpr std::size_t read_ahead_bytes = std::size_t{256} * 1024;

struct head_on_disk {
    std::array<char, 8> magic;
    std::array<std::uint8_t, 16> stream;
    boost::endian::little_uint64_buf_t number;
    boost::endian::little_uint64_buf_t first_record;
    boost::endian::little_uint32_buf_t follows_failure;
    boost::endian::little_uint32_buf_t version;
    boost::endian::little_uint32_buf_t crc;
    std::array<char, 12> rest;
};
static_assert(sizeof(head_on_disk) == segment_head_bytes);

std::uint32_t crc_of(head_on_disk const& head) noexcept {
    return crc32c({reinterpret_cast<char const*>(&head), offsetof(head_on_disk, crc)});
}

head_on_disk to_disk(segment_head const& head) noexcept {
    head_on_disk disk{};
    std::copy(magic.begin(), magic.end(), disk.magic.begin());
    disk.stream = head.stream.bytes;
    disk.number = head.number;
    disk.first_record = head.first_record;
    disk.follows_failure = head.follows_failure ? 1U : 0U;
    disk.version = head.version;
    disk.crc = crc_of(disk);
    return disk;
}

} // namespace

std::string encode(segment_head const& head) {
    auto const disk = to_disk(head);
    return {reinterpret_cast<char const*>(&disk), sizeof disk};
}

std::optional<segment_head> decode_segment_head(std::string_view bytes) noexcept {
    if (bytes.size() < segment_head_bytes) {
        return std::nullopt;
    }
    head_on_disk disk{};
    std::memcpy(&disk, bytes.data(), sizeof disk);

    segment_head head;
    head.stream.bytes = disk.stream;
    head.number = disk.number.value();
    head.first_record = disk.first_record.value();
    head.follows_failure = disk.follows_failure.value() == 1;
    head.version = disk.version.value();
    // Encoding it again checks the magic, the CRC and the unused bytes in one comparison.
    auto const same = to_disk(head);
    if (std::memcmp(&same, &disk, sizeof disk) != 0) {
        return std::nullopt;
    }
    return head;
}

int create_end(journal_disk& disk, std::filesystem::path const& folder, segment_head const& head) {
    // The segment before it may end with a write that failed: its tail is torn, not damaged.
    // It has no frame, so that every version can read it.
    auto marked = head;
    marked.follows_failure = true;
    marked.version = 0;

    int error = 0;
    auto const output = disk.create(folder / segment_file_name(head.stream, head.number),
                                    segment_head_bytes, encode(marked), error);
    return output == nullptr ? error : 0;
}

std::vector<segment_extent> segments_from(std::vector<segment_extent> segments,
                                          std::uint64_t record) {
    auto first = segments.begin();
    while (segments.end() - first > 1 && std::next(first)->first_record <= record) {
        ++first;
    }
    segments.erase(segments.begin(), first);
    return segments;
}

std::optional<std::uint64_t> gap_end(std::vector<segment_extent> const& segments,
                                     std::uint64_t record) noexcept {
    if (segments.empty() || segments.front().number == 0) {
        return std::nullopt;
    }
    auto const first = segments.front().first_record;
    return first != segment_extent::unknown && first > record ? std::optional{first} : std::nullopt;
}

std::string segment_file_name(uuid const& stream, std::uint64_t number) {
    std::string digits = std::to_string(number);
    digits.insert(0, number_digits - std::min(number_digits, digits.size()), '0');
    return to_string(stream) + "-" + digits + std::string{extension};
}

std::optional<frame_location> parse_segment_file_name(std::string_view name) noexcept {
    if (name.size() < uuid_characters + 1 + number_digits + extension.size() ||
        !name.ends_with(extension) || name[uuid_characters] != '-') {
        return std::nullopt;
    }

    // Anything else in the folder is not ours: only a name that is right to its last character
    // counts.
    auto const stream = parse_uuid(name.substr(0, uuid_characters));
    std::string_view digits = name.substr(uuid_characters + 1);
    digits.remove_suffix(extension.size());
    frame_location location;
    auto const [end, failure] =
        std::from_chars(digits.data(), digits.data() + digits.size(), location.segment);
    if (!stream || failure != std::errc{} || end != digits.data() + digits.size()) {
        return std::nullopt;
    }
    location.stream = *stream;
    return location;
}

segment_input::segment_input(journal_disk& disk, std::filesystem::path const& file)
    : source_(disk.open(file, error_)) {}

std::string_view segment_input::view(std::uint64_t offset, std::size_t length) {
    if (offset >= bytes() || error_ != 0) {
        return {};
    }
    length = static_cast<std::size_t>(std::min<std::uint64_t>(length, bytes() - offset));

    // Frames are read in order, so one read covers many of them.
    bool const has = offset >= buffer_begin_ && offset + length <= buffer_begin_ + buffer_.size();
    if (!has) {
        auto const wanted =
            std::min<std::uint64_t>(std::max(length, read_ahead_bytes), bytes() - offset);
        buffer_begin_ = offset;
        buffer_.resize(static_cast<std::size_t>(wanted));
        auto const got = source_->read(offset, buffer_);
        error_ = got < 0 ? static_cast<int>(-got) : 0;
        buffer_.resize(static_cast<std::size_t>(std::max<std::int64_t>(got, 0)));
    }

    // The file may have become shorter, so the view may be shorter than what was asked for.
    std::string_view const all = buffer_;
    auto const begin = static_cast<std::size_t>(offset - buffer_begin_);
    return begin < all.size() ? all.substr(begin, length) : std::string_view{};
}

} // namespace tally::ingest
