#pragma once

#include "ingest/journal/folder.hpp"
#include "ingest/journal/reader.hpp"
#include "ingest/journal/writer.hpp"
#include "tests/ingest/journal/crashing_disk.hpp"

#include <cstdlib>
#include <fstream>
#include <gtest/gtest.h>
#include <sstream>

namespace tally::ingest {

struct read_frames {
    std::vector<std::pair<std::uint64_t, std::string>> frames; ///< first record, payload
    journal_reader::status ended = journal_reader::status::end;
    std::optional<journal_damage> damage;
    std::optional<journal_tail> tail;
};

inline read_frames read_all(uuid const& stream, std::vector<segment_extent> segments) {
    journal_reader reader{stream, std::move(segments)};
    read_frames all;
    frame_view frame;
    while ((all.ended = reader.next(frame)) == journal_reader::status::frame) {
        all.frames.emplace_back(frame.head.first_record, std::string{frame.payload});
    }
    all.damage = reader.damage();
    all.tail = reader.tail();
    return all;
}

inline std::string bytes_of(std::filesystem::path const& file) {
    std::ostringstream text;
    text << std::ifstream{file, std::ios::binary}.rdbuf();
    return std::move(text).str();
}

inline void put(std::filesystem::path const& file, std::string const& bytes) {
    std::ofstream{file, std::ios::binary | std::ios::trunc} << bytes;
}

class journal_test : public testing::Test {
  protected:
    journal_test() {
        std::string name =
            (std::filesystem::temp_directory_path() / "tally-journal-XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr) {
            throw std::runtime_error{"no temporary folder"};
        }
        folder_ = name;
    }
    ~journal_test() override { std::filesystem::remove_all(folder_); }

    std::unique_ptr<journal_writer> writer(std::uint64_t segment_bytes = 4096) {
        return std::make_unique<journal_writer>(
            journal_writer::options{folder_, stream_, segment_bytes}, real_disk());
    }
    /// The frames that the next run finds.
    read_frames left_behind() {
        journal_folder const folder{folder_};
        auto const streams = folder.streams();
        return streams.empty() ? read_frames{} : read_all(stream_, streams.at(0).segments);
    }
    /// Three frames, each of its own flush; the path of their segment.
    std::filesystem::path three_frames() {
        auto const to = writer(1024);
        for (auto const* text : {"first record", "second", "the third of them"}) {
            to->append(text, 1, 7);
            EXPECT_EQ(to->flush().error, 0);
        }
        return to->extents().at(0).file;
    }

    std::filesystem::path folder_;
    uuid stream_ = uuid_v7();
};

} // namespace tally::ingest
