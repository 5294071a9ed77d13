#include "ingest/file/input.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <system_error>
#include <unistd.h>

#include <openssl/evp.h>
#include <sys/stat.h>

namespace tally::ingest {

namespace {

/// A pipe may stay silent for hours; poll(2) wakes up this often to see whether a stop was
/// requested.
constexpr int wait_ms = 200;

std::string system_message(int code) {
    return std::generic_category().message(code);
}

struct digest_context_deleter {
    void operator()(EVP_MD_CTX* context) const noexcept { EVP_MD_CTX_free(context); }
};
using digest_context = std::unique_ptr<EVP_MD_CTX, digest_context_deleter>;

} // namespace

std::string to_hex(file_digest const& digest) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text;
    text.reserve(digest.size() * 2);
    for (std::uint8_t const byte : digest) {
        text += digits[byte >> 4];
        text += digits[byte & 15];
    }
    return text;
}

file_input::file_input(std::function<bool()> interrupted)
    : interrupted_(std::move(interrupted)), buffer_(disk_buffer_bytes) {}

file_input::~file_input() {
    // Standard input belongs to the process: it was not opened here.
    if (descriptor_ > STDIN_FILENO) {
        ::close(descriptor_);
    }
}

bool file_input::open(std::string const& path) {
    descriptor_ = path == "-" ? STDIN_FILENO : ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    struct stat status {};
    if (descriptor_ < 0 || ::fstat(descriptor_, &status) != 0) {
        fail(file_failure::not_opened, system_message(errno));
        return false;
    }

    // open(2) succeeds on a folder; only the first read would fail.
    if (S_ISDIR(status.st_mode)) {
        fail(file_failure::not_opened, system_message(EISDIR));
        return false;
    }

    // Only a regular file has a size, which bounds what is read of it.
    if (S_ISREG(status.st_mode) && path != "-") {
        disk_bytes_ = static_cast<std::uint64_t>(status.st_size);
    }
    return true;
}

std::optional<file_digest> file_input::digest() {
    // Only a regular file can be read twice: once for the digest, once for the records.
    if (!disk_bytes_ || !error_.ok()) {
        return std::nullopt;
    }

    // Of the bytes on disk, compressed or not: nothing has to be expanded for it.
    digest_context const context{EVP_MD_CTX_new()};
    bool good = context && EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) == 1;
    while (good) {
        std::size_t const size = read_disk(buffer_);
        if (size == 0) {
            break;
        }
        good = EVP_DigestUpdate(context.get(), buffer_.data(), size) == 1;
    }

    // The records are read next, so the file goes back to its beginning.
    file_digest value{};
    good = good && EVP_DigestFinal_ex(context.get(), value.data(), nullptr) == 1;
    if (error_.ok() && (!good || ::lseek(descriptor_, 0, SEEK_SET) != 0)) {
        fail(file_failure::not_read, "its digest cannot be computed");
    }
    disk_bytes_read_ = 0;
    disk_ended_ = false;
    return error_.ok() ? std::optional(value) : std::nullopt;
}

std::size_t file_input::read(std::span<char> output) {
    if (!error_.ok()) {
        return 0;
    }
    // The compression is found with the first read, since open() must not wait for a pipe's first
    // byte.
    if (!detected_) {
        detect();
    }
    return expander_ ? read_expanded(output) : read_plain(output);
}

/// One successful read(2). It stops at the size that the file had when it was opened: a file that
/// grows meanwhile must give the same bytes to the digest and to the records.
std::size_t file_input::read_disk(std::span<char> output) {
    std::uint64_t const left = disk_bytes_ ? *disk_bytes_ - disk_bytes_read_ : output.size();
    auto const wanted = static_cast<std::size_t>(std::min<std::uint64_t>(left, output.size()));

    // A signal or a spurious wake-up is no error: wait again.
    while (error_.ok() && !disk_ended_ && wanted > 0 && wait_readable()) {
        ssize_t const size = ::read(descriptor_, output.data(), wanted);
        if (size > 0) {
            disk_bytes_read_ += static_cast<std::uint64_t>(size);
            return static_cast<std::size_t>(size);
        }
        if (size == 0) {
            disk_ended_ = true;
        } else if (errno != EINTR && errno != EAGAIN) {
            fail(file_failure::not_read, system_message(errno));
        }
    }
    disk_ended_ = true;
    return 0;
}

/// Waits until there is something to read or a stop is requested. A regular file is always
/// readable.
bool file_input::wait_readable() {
    for (;;) {
        if (interrupted_ && interrupted_()) {
            fail(file_failure::interrupted, "stopped on request");
            return false;
        }
        if (disk_bytes_ || !interrupted_) {
            return true;
        }

        // A pipe: wait in short periods, so that a stop request is seen.
        pollfd waited{descriptor_, POLLIN, 0};
        int const ready = ::poll(&waited, 1, wait_ms);
        if (ready > 0 || (ready < 0 && errno != EINTR)) {
            return true; // read(2) reports an error, if there is one
        }
    }
}

/// Appends to the buffer. The unused bytes move to its front first, so that the expander sees them
/// together with the new ones.
void file_input::fill_buffer() {
    std::memmove(buffer_.data(), buffer_.data() + buffer_begin_, buffer_end_ - buffer_begin_);
    buffer_end_ -= buffer_begin_;
    buffer_begin_ = 0;
    buffer_end_ += read_disk(std::span(buffer_).subspan(buffer_end_));
}

/// Finds the compression by the first bytes, which stay in the buffer.
void file_input::detect() {
    detected_ = true;
    // A pipe may give its first bytes one at a time.
    while (buffer_end_ < compression_magic_bytes && !disk_ended_) {
        fill_buffer();
    }

    // Fewer bytes than the magic number needs: the file is taken as plain.
    expander_ = make_expander(detect_compression({buffer_.data(), buffer_end_}));
}

std::size_t file_input::read_plain(std::span<char> output) {
    // The bytes that detect() has read come first.
    std::size_t const kept = std::min(buffer_end_ - buffer_begin_, output.size());
    if (kept == 0) {
        return read_disk(output);
    }
    std::memcpy(output.data(), buffer_.data() + buffer_begin_, kept);
    buffer_begin_ += kept;
    return kept;
}

std::size_t file_input::read_expanded(std::span<char> output) {
    for (;;) {
        auto const step = expander_->expand(
            {buffer_.data() + buffer_begin_, buffer_end_ - buffer_begin_}, output);
        buffer_begin_ += step.taken;
        if (step.made > 0) {
            return step.made;
        }

        // No output: the data is damaged, complete, cut short, or more input is needed.
        if (!expander_->damage().empty()) {
            fail(file_failure::damaged, std::string(expander_->damage()));
            return 0;
        }

        // The expander has read a header or filled its window: it goes on with what is in the
        // buffer.
        if (step.taken > 0) {
            continue;
        }
        if (disk_ended_) {
            if (error_.ok() && !expander_->at_boundary()) {
                fail(file_failure::truncated, "the compressed data ends too early");
            }
            return 0;
        }
        fill_buffer();
    }
}

void file_input::fail(file_failure reason, std::string detail) {
    error_ = {reason, std::move(detail)};
}

} // namespace tally::ingest
