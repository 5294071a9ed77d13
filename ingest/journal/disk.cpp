#include "ingest/journal/disk.hpp"

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace tally::ingest {

namespace {

class open_file {
  public:
    explicit open_file(int descriptor) noexcept : descriptor_(descriptor) {}
    ~open_file() {
        if (descriptor_ >= 0) {
            ::close(descriptor_);
        }
    }
    open_file(open_file&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
    open_file& operator=(open_file&&) = delete;

    [[nodiscard]] int descriptor() const noexcept { return descriptor_; }

  private:
    int descriptor_;
};

class real_output final : public segment_output {
  public:
    explicit real_output(open_file file) noexcept : file_(std::move(file)) {}

    int write(std::uint64_t offset, std::string_view bytes) noexcept override {
        while (!bytes.empty()) {
            // pwrite may write less than it was given, or be interrupted by a signal before it
            // writes anything.
            ssize_t const done = ::pwrite(file_.descriptor(), bytes.data(), bytes.size(),
                                          static_cast<off_t>(offset));
            if (done < 0 && errno == EINTR) {
                continue;
            }
            if (done <= 0) {
                return done < 0 ? errno : EIO;
            }
            bytes.remove_prefix(static_cast<std::size_t>(done));
            offset += static_cast<std::uint64_t>(done);
        }
        return 0;
    }
    int sync() noexcept override { return ::fdatasync(file_.descriptor()) == 0 ? 0 : errno; }

  private:
    open_file file_;
};

class real_source final : public segment_source {
  public:
    real_source(open_file file, std::uint64_t bytes) noexcept
        : file_(std::move(file)), bytes_(bytes) {}

    [[nodiscard]] std::uint64_t bytes() const noexcept override { return bytes_; }
    [[nodiscard]] std::int64_t read(std::uint64_t offset,
                                    std::span<char> out) const noexcept override {
        // pread may read less than was asked for, so it is repeated until the end of the file.
        std::size_t filled = 0;
        while (filled < out.size()) {
            ssize_t const got = ::pread(file_.descriptor(), out.data() + filled,
                                        out.size() - filled, static_cast<off_t>(offset + filled));
            if (got < 0 && errno == EINTR) {
                continue;
            }

            // An error is not the end: bytes that cannot be read prove nothing about what was
            // written.
            if (got < 0) {
                return -errno;
            }
            if (got == 0) { // the file has become shorter
                break;
            }
            filled += static_cast<std::size_t>(got);
        }
        return static_cast<std::int64_t>(filled);
    }

  private:
    open_file file_;
    std::uint64_t bytes_;
};

class real final : public journal_disk {
  public:
    std::unique_ptr<segment_output> create(std::filesystem::path const& file, std::uint64_t bytes,
                                           std::string_view head, int& error) override {
        // O_EXCL: a segment is never written over another one. 0600: like the folder, for its owner
        // only.
        open_file opened{::open(file.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600)};
        if (opened.descriptor() < 0) {
            error = errno;
            return nullptr;
        }
        int const descriptor = opened.descriptor();
        auto output = std::make_unique<real_output>(std::move(opened));

        // A full disk shows here, before anything is written, and not in the middle of a later
        // write.
        error = ::posix_fallocate(descriptor, 0, static_cast<off_t>(bytes));
        error = error != 0 ? error : output->write(0, head);
        // fsync, not fdatasync: the file's length and extents are new. Then the folder, so that the
        // name survives too.
        error = error != 0 ? error : (::fsync(descriptor) == 0 ? 0 : errno);
        error = error != 0 ? error : sync_folder(file.parent_path());
        if (error != 0) {
            // The next attempt has the same name, which O_EXCL would refuse.
            ::unlink(file.c_str());
            return nullptr;
        }
        return output;
    }
    std::unique_ptr<segment_source> open(std::filesystem::path const& file, int& error) override {
        open_file opened{::open(file.c_str(), O_RDONLY | O_CLOEXEC)};
        struct stat status {};
        if (opened.descriptor() < 0 || ::fstat(opened.descriptor(), &status) != 0) {
            error = errno;
            return nullptr;
        }
        return std::make_unique<real_source>(std::move(opened),
                                             static_cast<std::uint64_t>(status.st_size));
    }
    std::vector<listed_file> list(std::filesystem::path const& folder) override {
        std::vector<listed_file> found;
        for (auto const& entry : std::filesystem::directory_iterator{folder}) {
            std::error_code failure; // a writer may remove files meanwhile
            if (auto const bytes = entry.file_size(failure); !failure) {
                found.push_back({entry.path(), bytes});
            }
        }
        return found;
    }
    int remove(std::filesystem::path const& file) noexcept override {
        // A file that is already gone is what was wanted: a removal that was interrupted is
        // repeated.
        return ::unlink(file.c_str()) == 0 || errno == ENOENT ? 0 : errno;
    }
    int sync_folder(std::filesystem::path const& folder) noexcept override {
        open_file const opened{::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
        return opened.descriptor() >= 0 && ::fsync(opened.descriptor()) == 0 ? 0 : errno;
    }
};

} // namespace

journal_disk& real_disk() {
    static real disk;
    return disk;
}

} // namespace tally::ingest
