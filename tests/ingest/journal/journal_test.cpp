#include "ingest/journal/crc32c.hpp"
#include "tests/ingest/journal/journal_fixture.hpp"

#include <random>
#include <thread>

namespace tally::ingest {
namespace {

namespace fs = std::filesystem;
using status = journal_reader::status;

TEST_F(journal_test, crc_is_castagnolis) {
    EXPECT_EQ(crc32c("123456789"), 0xE3069283U); // RFC 3720, B.4 has more of them
    EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8A9136AAU);
    EXPECT_EQ(crc32c("6789", crc32c("12345")), 0xE3069283U);
}

TEST_F(journal_test, gives_back_what_was_appended_in_order) {
    auto const to = writer();
    EXPECT_EQ(to->append("one", 1, 5), 0U);
    EXPECT_EQ(to->append("two and three", 2, 6), 1U);
    auto const first = to->flush();
    EXPECT_EQ(first.durable_end, 3U);
    EXPECT_EQ(to->append("", 1, 7), 3U);
    EXPECT_EQ(to->flush().durable_end, 4U);
    auto const all = left_behind();
    std::vector<std::pair<std::uint64_t, std::string>> const wanted{
        {0, "one"}, {1, "two and three"}, {3, ""}};
    EXPECT_EQ(all.frames, wanted);
    EXPECT_EQ(all.ended, status::end);
    EXPECT_FALSE(all.tail);
}

TEST_F(journal_test, goes_on_in_further_segments_and_takes_frames_larger_than_one) {
    auto const to = writer(1024);
    std::vector<std::pair<std::uint64_t, std::string>> wanted;
    for (std::uint64_t i = 0; i < 40; ++i) {
        std::string const payload(i == 20 ? 5000 : 100 + i, static_cast<char>('a' + i % 26));
        wanted.emplace_back(to->append(payload, 1, 0), payload);
        if (i % 3 == 0) {
            EXPECT_EQ(to->flush().error, 0);
        }
    }
    EXPECT_EQ(to->flush().durable_end, 40U);
    EXPECT_GT(to->extents().size(), 5U);
    EXPECT_EQ(left_behind().frames, wanted);
    EXPECT_EQ(read_all(stream_, to->extents()).frames, wanted);
}

TEST_F(journal_test, is_not_removed_while_a_record_of_it_is_not_stored) {
    auto const to = writer(512);
    for (int i = 0; i < 20; ++i) {
        to->append("some payload of some length", 1, 0);
        ASSERT_EQ(to->flush().error, 0);
    }
    EXPECT_EQ(to->remove_all(19), EBUSY);
    EXPECT_EQ(left_behind().frames.size(), 20U);
    EXPECT_EQ(to->remove_all(20), 0);
    auto const left = journal_folder{folder_}.streams();
    ASSERT_EQ(left.size(), 1U);
    EXPECT_TRUE(left[0].is_removed());
    EXPECT_EQ(left[0].segments[0].first_record, 20U) << "where it ended";
}

TEST_F(journal_test, a_torn_end_is_left_out_wherever_it_was_cut) {
    auto const file = three_frames();
    std::string const whole = bytes_of(file);
    std::size_t last_seen = 0;
    for (std::size_t length = 0; length <= whole.size(); ++length) {
        put(file, whole.substr(0, length));
        auto const all = left_behind();
        EXPECT_EQ(all.ended, status::end) << length;
        EXPECT_GE(all.frames.size(), last_seen) << length;
        last_seen = all.frames.size();
    }
    EXPECT_EQ(last_seen, 3U);
}

TEST_F(journal_test, a_flipped_byte_is_never_passed_over_in_silence) {
    auto const file = three_frames();
    std::string const whole = bytes_of(file);
    auto const before = left_behind().frames;
    auto const used = whole.find_last_not_of('\0') + 1;
    std::size_t const last_mark = frame_bytes(0);
    for (std::size_t index = 0; index < used; ++index) {
        for (int const flip : {0x01, 0x80, 0xff}) {
            std::string bytes = whole;
            bytes[index] = static_cast<char>(bytes[index] ^ flip);
            put(file, bytes);
            auto const all = left_behind();
            if (all.ended == status::end) { // the last mark was damaged: no record is missing
                EXPECT_EQ(all.frames, before) << index;
                EXPECT_GE(index + last_mark + frame_alignment, used) << index;
                EXPECT_TRUE(all.tail) << index;
            } else {
                ASSERT_EQ(all.ended, status::damaged) << index;
                EXPECT_LE(all.damage->begin, index);
                EXPECT_GT(all.damage->end, index);
            }
        }
    }
}

TEST_F(journal_test, goes_on_behind_damage_when_it_is_told_to) {
    auto const file = three_frames();
    std::string bytes = bytes_of(file);
    bytes[segment_head_bytes + frame_head_bytes] ^= 1; // of the first payload
    put(file, bytes);
    journal_folder const folder{folder_};
    journal_reader reader{stream_, folder.streams().at(0).segments};
    frame_view frame;
    ASSERT_EQ(reader.next(frame), status::damaged);
    ASSERT_EQ(reader.next(frame), status::damaged) << "until the caller skips it";
    EXPECT_EQ(reader.damage()->begin, segment_head_bytes);
    EXPECT_EQ(reader.damage()->first_record, 0U);
    EXPECT_EQ(reader.damage()->next_record, 1U);
    reader.skip_damage();
    ASSERT_EQ(reader.next(frame), status::frame);
    EXPECT_EQ(frame.payload, "second");
    ASSERT_EQ(reader.next(frame), status::frame);
    EXPECT_EQ(reader.next(frame), status::end);
}

TEST_F(journal_test, a_missing_segment_is_damage) {
    auto const to = writer(512);
    for (int i = 0; i < 60; ++i) {
        to->append("some payload of some length", 1, 0);
        EXPECT_EQ(to->flush().error, 0);
    }
    auto const extents = to->extents();
    ASSERT_GT(extents.size(), 3U);
    fs::remove(extents[1].file);
    auto const all = left_behind();
    EXPECT_EQ(all.ended, status::damaged);
    EXPECT_EQ(all.damage->first_record, extents[1].first_record);
    EXPECT_EQ(all.damage->next_record, extents[2].first_record);
}

TEST_F(journal_test, frames_of_another_location_are_not_taken) {
    auto const file = three_frames();
    std::string bytes = bytes_of(file);
    fs::path const other = folder_ / segment_file_name(stream_, 7);
    put(other, bytes); // a copy under another number
    fs::remove(file);
    EXPECT_EQ(left_behind().frames.size(), 0U);
}

TEST_F(journal_test, belongs_to_one_process_at_a_time) {
    auto const first = std::make_unique<journal_folder>(folder_);
    try {
        journal_folder const second{folder_};
        FAIL() << "taken twice";
    } catch (std::runtime_error const& refused) {
        EXPECT_NE(std::string{refused.what()}.find("pid " + std::to_string(::getpid())),
                  std::string::npos)
            << refused.what();
    }
}

TEST_F(journal_test, takes_frames_of_many_threads) {
    auto const to = writer(1U << 16);
    {
        std::vector<std::jthread> threads;
        threads.reserve(4);
        for (int t = 0; t < 4; ++t) {
            threads.emplace_back([&to, t] {
                for (int i = 0; i < 500; ++i) {
                    to->append(std::to_string(t) + ":" + std::to_string(i), 1, 0);
                }
            });
        }
        std::uint64_t durable = 0;
        while (durable < 2000) {
            auto const flush = to->flush();
            ASSERT_EQ(flush.error, 0);
            durable = flush.durable_end;
        }
    }
    auto const all = left_behind();
    ASSERT_EQ(all.frames.size(), 2000U);
    for (std::uint64_t i = 0; i < 2000; ++i) {
        EXPECT_EQ(all.frames[i].first, i);
    }
}

/// Random appends, flushes, releases and failures, then a loss of power: everything that was
/// reported durable is there once, unchanged and in order.
void run_until_power_fails(fs::path const& folder, std::uint64_t seed) {
    tests::crashing_disk disk{seed};
    std::mt19937_64 random{seed};
    if (seed % 3 != 0) {
        auto const chance = static_cast<unsigned>(seed);
        disk.fail_per_mille(chance % 50, chance % 70, chance % 90);
    }
    uuid const stream = uuid_v7();
    std::map<std::uint64_t, std::string> appended;
    std::map<std::uint64_t, std::string> durable;
    std::uint64_t released = 0;
    journal_writer writer{{folder, stream, 600 + random() % 4000}, disk};
    for (std::size_t steps = random() % 200; steps > 0; --steps) {
        if (auto const item = random() % 8; item < 5) {
            std::string payload(random() % 700, '\0');
            for (char& c : payload) {
                c = random() % 4 == 0 ? '\0' : static_cast<char>(random());
            }
            auto const records = static_cast<std::uint32_t>(1 + random() % 5);
            appended[writer.append(payload, records, 0)] = payload;
        } else if (item < 7) {
            auto const flush = writer.flush();
            EXPECT_EQ(flush.error == 0, flush.durable_end == flush.end);
            durable.insert(appended.lower_bound(flush.begin),
                           appended.lower_bound(flush.durable_end));
        } else if (!durable.empty()) {
            released = std::max(released, durable.rbegin()->first / 2);
            EXPECT_EQ(writer.release(released), 0);
        }
    }
    disk.lose_power(folder);
    journal_folder const held{folder};
    auto const streams = held.streams();
    ASSERT_LE(streams.size(), 1U);
    auto const all = streams.empty() ? read_frames{} : read_all(stream, streams[0].segments);
    ASSERT_EQ(all.ended, status::end)
        << "seed " << seed << ": " << all.damage->detail << " at " << all.damage->begin;
    std::map<std::uint64_t, std::string> const read{all.frames.begin(), all.frames.end()};
    EXPECT_EQ(read.size(), all.frames.size()) << "seed " << seed;
    for (auto const& [record, payload] : durable) {
        auto const found = read.find(record);
        EXPECT_TRUE(record < released || found != read.end()) << "seed " << seed << ": " << record;
        EXPECT_TRUE(found == read.end() || found->second == payload) << "seed " << seed;
    }
    for (auto const& [record, payload] : read) {
        EXPECT_EQ(payload, appended[record]) << "seed " << seed << ": " << record;
    }
}

TEST_F(journal_test, keeps_what_it_called_durable_over_losses_of_power) {
    char const* long_form = std::getenv("TALLY_JOURNAL_ROUNDS");
    std::uint64_t const rounds = long_form != nullptr ? std::stoull(long_form) : 300;
    for (std::uint64_t seed = 1; seed <= rounds && !HasFailure(); ++seed) {
        fs::path const folder = folder_ / std::to_string(seed);
        fs::create_directory(folder);
        run_until_power_fails(folder, seed);
        fs::remove_all(folder);
    }
}

} // namespace
} // namespace tally::ingest
