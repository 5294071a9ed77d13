#include "ingest/file/input.hpp"

#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

namespace tally::ingest {
namespace {

class temporary_folder {
  public:
    temporary_folder() {
        std::string name = (std::filesystem::temp_directory_path() / "tally-file-XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr)
            throw std::runtime_error("no temporary folder");
        path_ = name;
    }
    ~temporary_folder() { std::filesystem::remove_all(path_); }

    [[nodiscard]] std::string name(std::string const& file) const { return path_ / file; }
    [[nodiscard]] std::string write(std::string const& file, std::string const& bytes) const {
        std::ofstream(name(file), std::ios::binary) << bytes;
        return name(file);
    }

  private:
    std::filesystem::path path_;
};

std::string gzip(std::string const& text) {
    z_stream stream{};
    deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
    std::string out(deflateBound(&stream, text.size()) + 64, '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    stream.avail_in = static_cast<uInt>(text.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    deflate(&stream, Z_FINISH);
    out.resize(stream.total_out);
    deflateEnd(&stream);
    return out;
}

/// With a checksum, like the zstd tool.
std::string zstd(std::string const& text) {
    ZSTD_CCtx* const context = ZSTD_createCCtx();
    ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
    std::string out(ZSTD_compressBound(text.size()), '\0');
    out.resize(ZSTD_compress2(context, out.data(), out.size(), text.data(), text.size()));
    ZSTD_freeCCtx(context);
    return out;
}

std::string read_all(file_input& input, std::size_t chunk_bytes = 1000) {
    std::string all;
    std::string chunk(chunk_bytes, '\0');
    while (std::size_t const size = input.read(chunk))
        all.append(chunk, 0, size);
    return all;
}

/// Records of a size that does not divide the buffers.
std::string some_text(std::size_t bytes) {
    std::string text;
    for (int i = 0; text.size() < bytes; ++i)
        text += "record " + std::to_string(i * 7919) + "\n";
    return text;
}

TEST(file_input, reads_plain_gzip_and_zstd_files_alike) {
    temporary_folder const folder;
    std::string const text = some_text(1'000'000);
    for (std::string const& bytes : {text, gzip(text), zstd(text)}) {
        for (std::size_t const chunk : {13U, 4096U, 1'000'000U}) {
            file_input input;
            ASSERT_TRUE(input.open(folder.write("calls", bytes)));
            EXPECT_EQ(read_all(input, chunk), text);
            EXPECT_TRUE(input.error().ok()) << input.error().detail;
            EXPECT_EQ(input.disk_bytes_read(), bytes.size());
            EXPECT_EQ(input.disk_bytes(), bytes.size());
        }
    }
}

TEST(file_input, reads_several_gzip_members_and_zstd_frames_as_one_stream) {
    temporary_folder const folder;
    std::string const skippable{"\x50\x2a\x4d\x18\x03\x00\x00\x00xyz", 11};
    for (std::string const& bytes :
         {gzip("one\n") + gzip("") + gzip("two\n"), zstd("one\n") + zstd("two\n"),
          skippable + zstd("one\n") + skippable + zstd("two\n"),
          gzip("one\n") + gzip("two\n") + std::string(512, '\0')}) {
        file_input input;
        ASSERT_TRUE(input.open(folder.write("calls", bytes)));
        EXPECT_EQ(read_all(input), "one\ntwo\n");
        EXPECT_TRUE(input.error().ok()) << input.error().detail;
    }
}

TEST(file_input, delivers_what_comes_before_the_end_of_a_truncated_file) {
    temporary_folder const folder;
    std::string const text = some_text(3000);
    for (std::string const& whole : {gzip(text), zstd(text)}) {
        for (std::size_t size = compression_magic_bytes; size < whole.size(); size += 3) {
            file_input input;
            ASSERT_TRUE(input.open(folder.write("calls", whole.substr(0, size))));
            std::string const got = read_all(input);
            EXPECT_EQ(got, text.substr(0, got.size()));
            EXPECT_EQ(input.error().reason, file_failure::truncated) << size;
        }
    }
}

TEST(file_input, delivers_most_of_a_large_truncated_gzip_file) {
    temporary_folder const folder;
    std::string const text = some_text(1'000'000);
    std::string const whole = gzip(text);
    file_input input;
    ASSERT_TRUE(input.open(folder.write("calls", whole.substr(0, whole.size() / 2))));
    EXPECT_GT(read_all(input).size(), text.size() / 3);
    EXPECT_EQ(input.error().reason, file_failure::truncated);
}

TEST(file_input, names_damage) {
    temporary_folder const folder;
    std::string gz = gzip(some_text(100'000));
    gz[gz.size() / 2] = static_cast<char>(gz[gz.size() / 2] ^ 0x55);
    std::string zst = zstd(some_text(100'000));
    zst[zst.size() / 2] = static_cast<char>(zst[zst.size() / 2] ^ 0x55);
    for (std::string const& bytes :
         {gz, zst, gzip("one\n") + "something else", zstd("one\n") + "something else"}) {
        file_input input;
        ASSERT_TRUE(input.open(folder.write("calls", bytes)));
        read_all(input);
        EXPECT_NE(input.error().reason, file_failure::none);
        EXPECT_FALSE(input.error().detail.empty());
        char more = 0;
        EXPECT_EQ(input.read({&more, 1}), 0u);
    }
}

TEST(file_input, expands_in_bounded_memory) {
    temporary_folder const folder;
    std::string const zeros(64 * 1024 * 1024, '0');
    file_input input;
    ASSERT_TRUE(input.open(folder.write("bomb", gzip(zeros))));
    std::vector<char> chunk(1000);
    EXPECT_EQ(input.read(chunk), chunk.size()); // no more than requested
    EXPECT_LT(input.disk_bytes_read(), 300'000u);
}

TEST(file_input, computes_the_digest_of_the_bytes_on_disk_and_reads_from_the_start) {
    temporary_folder const folder;
    file_input input;
    ASSERT_TRUE(input.open(folder.write("calls", "abc")));
    auto const digest = input.digest();
    ASSERT_TRUE(digest.has_value());
    // FIPS 180-2, appendix B.1
    EXPECT_EQ(to_hex(*digest), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_EQ(read_all(input), "abc");
}

TEST(file_input, reads_no_more_than_the_digest_covers) {
    temporary_folder const folder;
    std::string const path = folder.write("growing", "one\n");
    file_input input;
    ASSERT_TRUE(input.open(path));
    ASSERT_TRUE(input.digest().has_value());
    std::ofstream(path, std::ios::app) << "two\n";
    EXPECT_EQ(read_all(input), "one\n");
}

TEST(file_input, refuses_what_is_no_file) {
    temporary_folder const folder;
    file_input missing;
    EXPECT_FALSE(missing.open(folder.name("missing")));
    EXPECT_EQ(missing.error().reason, file_failure::not_opened);
    EXPECT_EQ(missing.error().detail, "No such file or directory");
    file_input directory;
    EXPECT_FALSE(directory.open(folder.name("")));
    EXPECT_EQ(directory.error().detail, "Is a directory");
}

TEST(file_input, reads_a_pipe_that_gives_its_bytes_one_by_one) {
    temporary_folder const folder;
    std::string const path = folder.name("pipe");
    ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
    std::string const bytes = gzip("one\ntwo\n");
    std::jthread writer([&] {
        int const end = ::open(path.c_str(), O_WRONLY);
        for (char const byte : bytes)
            EXPECT_EQ(::write(end, &byte, 1), 1);
        ::close(end);
    });
    file_input input;
    ASSERT_TRUE(input.open(path));
    EXPECT_FALSE(input.digest().has_value());
    EXPECT_FALSE(input.disk_bytes().has_value());
    EXPECT_EQ(read_all(input), "one\ntwo\n");
    EXPECT_TRUE(input.error().ok());
    writer.join();
}

TEST(file_input, stops_waiting_for_a_silent_pipe_when_asked_to) {
    temporary_folder const folder;
    std::string const path = folder.name("pipe");
    ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
    int const other_end = ::open(path.c_str(), O_RDWR); // so that open() does not wait
    int asked = 0;
    file_input input([&asked] { return ++asked > 2; });
    ASSERT_TRUE(input.open(path));
    EXPECT_EQ(read_all(input), "");
    EXPECT_EQ(input.error().reason, file_failure::interrupted);
    ::close(other_end);
}

RC_GTEST_PROP(file_input, survives_any_bytes_behind_a_magic, ()) {
    temporary_folder const folder;
    auto const start = *rc::gen::element(gzip("some text"), zstd("some text"));
    auto const kept = *rc::gen::inRange<std::size_t>(2, start.size());
    auto const noise = *rc::gen::arbitrary<std::string>();
    file_input input;
    RC_ASSERT(input.open(folder.write("noise", start.substr(0, kept) + noise)));
    read_all(input);
}

} // namespace
} // namespace tally::ingest
