# Compiler flags that every target of the project shares.

find_program(TALLY_CCACHE ccache)
if(TALLY_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
    # Precompiled headers need these three, or ccache never hits.
    set(CMAKE_CXX_COMPILER_LAUNCHER
        ${CMAKE_COMMAND} -E env
        CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
        ${TALLY_CCACHE})
endif()

add_library(tally_flags INTERFACE)
target_compile_options(tally_flags INTERFACE
    -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual)
if(TALLY_WERROR)
    target_compile_options(tally_flags INTERFACE -Werror)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # Warnings about GCC's own headers when they are inlined at -O2: std::string (GCC PR105329) and
    # std::function (PR105562), both fixed in GCC 13; std::vector (PR107852).
    if(CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
        target_compile_options(tally_flags INTERFACE -Wno-maybe-uninitialized -Wno-restrict)
    endif()
    target_compile_options(tally_flags INTERFACE -Wno-stringop-overflow -Wno-array-bounds)
    # ccache and precompiled headers together
    target_compile_options(tally_flags INTERFACE -fpch-preprocess)
    if(TALLY_SANITIZE MATCHES "thread")
        # GCC warns that ThreadSanitizer knows no atomic_thread_fence. The ones that are compiled are
        # in headers of libraries (Boost.Asio, concurrentqueue).
        target_compile_options(tally_flags INTERFACE -Wno-tsan)
    endif()
endif()
if(TALLY_SANITIZE)
    target_compile_options(tally_flags INTERFACE
        -fsanitize=${TALLY_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    target_link_options(tally_flags INTERFACE -fsanitize=${TALLY_SANITIZE})
endif()
if(TALLY_FUZZ)
    target_compile_options(tally_flags INTERFACE -fsanitize=fuzzer-no-link,address,undefined)
    target_link_options(tally_flags INTERFACE -fsanitize=address,undefined)
endif()
target_include_directories(tally_flags INTERFACE ${CMAKE_SOURCE_DIR})
find_package(Threads REQUIRED)
target_link_libraries(tally_flags INTERFACE Threads::Threads)
