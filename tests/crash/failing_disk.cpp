// A library that is preloaded into a daemon. It makes the file system calls of the journal fail on
// demand, as on a full or broken disk. The first byte of the file $TALLY_CRASH_DISK is the errno to
// return, 0 for none; 255: the call does not return until the byte changes, as on a disk that
// hangs. It affects only files in $TALLY_CRASH_FOLDER.

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <type_traits>

namespace {

constexpr int hang = 255;

/// The errno to return, 0, or `hang`. The file is mapped once; the rig writes to it.
int wanted_error() {
    static auto const* const shared = [] {
        char const* const name = std::getenv("TALLY_CRASH_DISK");
        int const file = name == nullptr ? -1 : ::open(name, O_RDONLY | O_CLOEXEC);
        void* const memory =
            file < 0 ? MAP_FAILED : ::mmap(nullptr, 1, PROT_READ, MAP_SHARED, file, 0);
        return memory == MAP_FAILED ? nullptr : static_cast<unsigned char const volatile*>(memory);
    }();
    return shared == nullptr ? 0 : *shared;
}

bool is_journal(int descriptor) {
    char const* const folder = std::getenv("TALLY_CRASH_FOLDER");
    char link[64];
    char path[1024];
    std::snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    auto const length = ::readlink(link, path, sizeof path - 1);
    return folder != nullptr && length > 0 && std::strncmp(path, folder, std::strlen(folder)) == 0;
}

int error_for(int descriptor) {
    int error = wanted_error();
    if (error == 0 || !is_journal(descriptor)) {
        return 0;
    }
    while ((error = wanted_error()) == hang) {
        ::usleep(10'000);
    }
    return error;
}

/// The function of libc that this library replaces.
template <typename Function>
Function* real(char const* name) {
    return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

template <typename Result, typename... Arguments>
Result pass(char const* name, int descriptor, Arguments... arguments) {
    if (int const error = error_for(descriptor); error != 0) {
        errno = error;
        return -1;
    }
    return real<Result(int, Arguments...)>(name)(descriptor, arguments...);
}

} // namespace

extern "C" {

ssize_t pwrite(int descriptor, void const* bytes, size_t count, off_t offset) {
    return pass<ssize_t>("pwrite", descriptor, bytes, count, offset);
}
ssize_t pwrite64(int descriptor, void const* bytes, size_t count, off64_t offset) {
    return pass<ssize_t>("pwrite64", descriptor, bytes, count, offset);
}
int fdatasync(int descriptor) {
    return pass<int>("fdatasync", descriptor);
}
int fsync(int descriptor) {
    return pass<int>("fsync", descriptor);
}
// posix_fallocate returns the error instead of setting errno.
int posix_fallocate(int descriptor, off_t offset, off_t bytes) {
    int const error = error_for(descriptor);
    return error != 0 ? error
                      : real<int(int, off_t, off_t)>("posix_fallocate")(descriptor, offset, bytes);
}
}
