#include "daemon/journal/sources_cache.hpp"

#include "ingest/journal/crc32c.hpp"
#include "ingest/journal/disk.hpp"
#include "ingest/json/number_rules.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cerrno>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <iterator>
#include <system_error>
#include <unistd.h>
#include <utility>
#include <vector>

namespace tally::daemon {

namespace {

namespace fs = std::filesystem;
using ingest::source;

/// The head: what the file is, its version, and a CRC-32C of all that follows it.
constexpr std::string_view magic = "TALLYSRC";
constexpr std::uint32_t version = 1;
constexpr std::size_t head_bytes = magic.size() + 2 * sizeof(std::uint32_t);

constexpr std::uint8_t has_token_bit = 1;
constexpr std::uint8_t is_active_bit = 2;

/// Appends values, little-endian.
struct byte_writer {
    std::string bytes;

    void number(std::unsigned_integral auto value) {
        for (std::size_t i = 0; i < sizeof(value); ++i) {
            bytes.push_back(static_cast<char>((value >> (8 * i)) & 0xffU));
        }
    }
    void text(std::string_view value) {
        number(static_cast<std::uint32_t>(value.size()));
        bytes.append(value);
    }
    template <std::size_t Size>
    void array(std::array<std::uint8_t, Size> const& value) {
        bytes.append(value.begin(), value.end());
    }
};

/// The reverse. Once the bytes end too early, all values are zero and is_whole is false.
struct byte_reader {
    std::string_view bytes;
    bool is_whole = true;

    std::string_view take(std::size_t count) {
        if (count > bytes.size()) {
            is_whole = false;
            bytes = {};
            return {};
        }
        auto const taken = bytes.substr(0, count);
        bytes.remove_prefix(count);
        return taken;
    }
    template <std::unsigned_integral Number>
    Number number() {
        auto const taken = take(sizeof(Number));
        Number value = 0;
        for (std::size_t i = 0; i < taken.size(); ++i) {
            value |= static_cast<Number>(static_cast<Number>(static_cast<std::uint8_t>(taken[i]))
                                         << (8 * i));
        }
        return value;
    }
    std::string_view text() { return take(number<std::uint32_t>()); }
    template <std::size_t Size>
    void array(std::array<std::uint8_t, Size>& value) {
        std::ranges::copy(take(Size), value.begin());
    }
};

void append(byte_writer& out, source const& each) {
    out.array(each.id.bytes);
    out.text(each.name);
    out.array(each.token_sha256);
    out.number(static_cast<std::uint8_t>((each.has_token ? has_token_bit : 0) |
                                         (each.is_active ? is_active_bit : 0)));

    out.number(static_cast<std::uint32_t>(each.formats.size()));
    for (auto const& format : each.formats) {
        out.text(format);
    }

    out.text(each.time_zone);
    out.number(static_cast<std::uint8_t>(each.b_legs));
    out.number(static_cast<std::uint8_t>(each.percent));
    out.text(each.numbers.text);
    out.number(std::uint64_t{each.body_bytes_max});
    out.number(std::uint64_t{each.record_bytes_max});
}

/// In the order in which append() writes. A change of either needs another version.
source read_source(byte_reader& input) {
    source each;
    input.array(each.id.bytes);
    each.name = input.text();
    input.array(each.token_sha256);
    auto const bits = input.number<std::uint8_t>();
    each.has_token = (bits & has_token_bit) != 0;
    each.is_active = (bits & is_active_bit) != 0;

    auto const formats = input.number<std::uint32_t>();
    for (std::uint32_t i = 0; i < formats && input.is_whole; ++i) {
        each.formats.emplace_back(input.text());
    }

    each.time_zone = input.text();
    each.b_legs = static_cast<ingest::b_leg_policy>(input.number<std::uint8_t>());
    each.percent = static_cast<ingest::percent_policy>(input.number<std::uint8_t>());

    // Rules are kept as their text, so that the cache does not depend on their layout in memory.
    if (auto const rules = input.text(); !rules.empty()) {
        each.numbers = ingest::read_number_rules(rules).rules;
    }
    each.body_bytes_max = input.number<std::uint64_t>();
    each.record_bytes_max = input.number<std::uint64_t>();
    return each;
}

/// Writes all of a descriptor's file to disk. Returns 0 or errno.
int write_all(int descriptor, std::string_view bytes) noexcept {
    while (!bytes.empty()) {
        auto const done = ::write(descriptor, bytes.data(), bytes.size());
        if (done < 0 && errno == EINTR) {
            continue;
        }
        if (done <= 0) {
            return done < 0 ? errno : EIO;
        }
        bytes.remove_prefix(static_cast<std::size_t>(done));
    }
    return ::fsync(descriptor) == 0 ? 0 : errno;
}

} // namespace

std::string encode_sources(ingest::source_table const& sources) {
    byte_writer payload;
    payload.number(static_cast<std::uint32_t>(sources.all().size()));
    for (auto const& each : sources.all()) {
        append(payload, each);
    }

    // The checksum covers the payload only, so it can be computed before the head is written.
    byte_writer out;
    out.bytes = magic;
    out.number(version);
    out.number(ingest::crc32c(payload.bytes));
    out.bytes += payload.bytes;
    return std::move(out.bytes);
}

std::shared_ptr<ingest::source_table const> decode_sources(std::string_view bytes,
                                                           std::string& problem) {
    byte_reader input{bytes};
    if (bytes.size() < head_bytes || input.take(magic.size()) != magic) {
        problem = "it is not a cache of sources";
        return nullptr;
    }
    if (auto const written = input.number<std::uint32_t>(); written != version) {
        problem =
            "it is of version " + std::to_string(written) + ", not " + std::to_string(version);
        return nullptr;
    }
    if (input.number<std::uint32_t>() != ingest::crc32c(input.bytes)) {
        problem = "its checksum is wrong: torn or damaged";
        return nullptr;
    }

    // The checksum holds, so a wrong count or length is a fault of the writer, not of the disk.
    std::vector<source> sources;
    auto const count = input.number<std::uint32_t>();
    for (std::uint32_t i = 0; i < count && input.is_whole; ++i) {
        sources.push_back(read_source(input));
    }
    if (!input.is_whole || !input.bytes.empty()) {
        problem = "its length is wrong";
        return nullptr;
    }
    return std::make_shared<ingest::source_table>(std::move(sources));
}

sources_cache::sources_cache(fs::path const& folder) : file_{folder / "sources.cache"} {}

std::shared_ptr<ingest::source_table const> sources_cache::load() {
    std::error_code failure;
    if (!fs::exists(file_, failure)) {
        return nullptr;
    }

    // A cache that cannot be used is no failure: pushes get 503 until the first load.
    std::ifstream input{file_, std::ios::binary};
    std::string const bytes{std::istreambuf_iterator<char>{input}, {}};
    std::string problem = "it cannot be read";
    if (input.is_open() && !input.bad()) {
        current_ = decode_sources(bytes, problem);
    }
    if (current_ == nullptr) {
        spdlog::warn("event=sources_cache_ignored file={} detail=\"{}\"", file_.string(), problem);
    }
    return current_;
}

void sources_cache::store(std::shared_ptr<ingest::source_table const> sources) {
    // The catalog is loaded at every change of any of its tables: most loads leave the sources
    // alone.
    if (current_ != nullptr && current_->all() == sources->all()) {
        return;
    }
    if (int const error = write(encode_sources(*sources)); error != 0) {
        spdlog::warn("event=sources_cache_not_written file={} error=\"{}\"", file_.string(),
                     std::strerror(error));
        return;
    }
    current_ = std::move(sources);
}

/// Another name first, so that a crash leaves the old file or the new one. Returns 0 or errno.
int sources_cache::write(std::string_view bytes) const noexcept {
    try {
        auto const unfinished = file_.string() + ".new";
        ::unlink(unfinished.c_str()); // of a run that was killed
        int const descriptor =
            ::open(unfinished.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (descriptor < 0) {
            return errno;
        }

        // On disk before the rename: else a power failure could leave the new name with old or no
        // bytes.
        int error = write_all(descriptor, bytes);
        ::close(descriptor);
        if (error == 0 && ::rename(unfinished.c_str(), file_.c_str()) != 0) {
            error = errno;
        }
        if (error != 0) {
            ::unlink(unfinished.c_str());
            return error;
        }

        // The rename itself is durable only when the folder is.
        return ingest::real_disk().sync_folder(file_.parent_path());
    } catch (std::exception const&) { // no memory
        return ENOMEM;
    }
}

} // namespace tally::daemon
