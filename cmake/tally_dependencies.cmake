# Every library the project uses; packages.txt says which Debian package brings it and why.

# Header-only use; 1.81 is Debian 12's newest. Boost 1.82 and later ship only a CMake config.
find_package(Boost 1.81 REQUIRED)
find_package(simdjson REQUIRED)
find_package(date REQUIRED)
find_package(ZLIB REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(tomlplusplus REQUIRED)
find_package(CLI11 REQUIRED)
find_package(spdlog REQUIRED)
find_package(prometheus-cpp REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd)
pkg_check_modules(ISAL REQUIRED IMPORTED_TARGET libisal)
pkg_check_modules(PQ REQUIRED IMPORTED_TARGET libpq)

# Header-only and without a CMake package in Debian 12. From 1.0.4 on (Debian 13) the headers are one
# folder deeper.
find_path(TALLY_CONCURRENTQUEUE_INCLUDE_DIR blockingconcurrentqueue.h
    PATH_SUFFIXES concurrentqueue/moodycamel concurrentqueue REQUIRED)
add_library(tally_concurrentqueue INTERFACE)
target_include_directories(tally_concurrentqueue SYSTEM INTERFACE ${TALLY_CONCURRENTQUEUE_INCLUDE_DIR})
