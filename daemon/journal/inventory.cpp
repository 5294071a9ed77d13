#include "daemon/journal/inventory.hpp"

#include "daemon/journal/feeder.hpp"
#include "ingest/journal/folder.hpp"
#include "ingest/journal/reader.hpp"
#include "ingest/journal/segment.hpp"

#include <algorithm>

namespace tally::daemon {

namespace {

using ingest::journal_reader;
using ingest::segment_extent;

std::optional<std::uint64_t> known(std::uint64_t record) noexcept {
    return record == segment_extent::unknown ? std::nullopt : std::optional{record};
}

/// One past the last record of a segment, as far as it is whole.
std::optional<std::uint64_t> end_of(ingest::uuid const& stream, segment_extent const& segment) {
    if (segment.first_record == segment_extent::unknown) {
        return std::nullopt;
    }

    // Only a reader knows how far a segment is whole: its size is that of the allocation.
    auto end = segment.first_record;
    journal_reader reader{stream, {segment}};
    ingest::frame_view frame;
    auto status = reader.next(frame);
    for (; status == journal_reader::status::frame; status = reader.next(frame)) {
        end = frame.head.first_record + frame.head.records;
    }

    // Damaged or unreadable: the end is not known, and a guess would look like a fact.
    return status == journal_reader::status::end ? std::optional{end} : std::nullopt;
}

} // namespace

std::optional<record_range> inventoried_stream::gap() const {
    if (!position) {
        return std::nullopt;
    }
    auto const end = ingest::gap_end(ingest::segments_from(extents, *position), *position);
    return end ? std::optional{record_range{*position, *end}} : std::nullopt;
}

std::vector<inventoried_stream> take_inventory(std::filesystem::path const& folder) {
    std::vector<inventoried_stream> streams;
    for (auto const& found : ingest::journal_streams_in(folder)) {
        inventoried_stream stream;
        stream.name = journal_feeder::stream_name(found.id);
        stream.segments = static_cast<std::size_t>(std::ranges::count_if(
            found.segments, [](segment_extent const& segment) { return !segment.is_end; }));
        stream.bytes = found.bytes;
        stream.is_removed = found.is_removed();
        stream.first_record = known(found.segments.front().first_record);
        stream.end_record = end_of(found.id, found.segments.back());
        stream.extents = found.segments;
        streams.push_back(std::move(stream));
    }
    return streams;
}

storage::result load_positions(storage::position_store& store,
                               std::vector<inventoried_stream>& streams) {
    for (auto& stream : streams) {
        auto const position = store.load(stream.name);
        if (!position.ok()) {
            return position.status();
        }
        stream.position = *position;
    }
    return {};
}

} // namespace tally::daemon
