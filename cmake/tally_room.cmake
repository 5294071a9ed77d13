# tally_room(<folder>/<room> [USES <folder>/<room>...] [EXPOSES <target>...] [LIBRARIES <target>...])
# Every .cpp of the room becomes the library tally_<folder>_<room>. USES are the rooms whose headers
# it includes, all of them and no others (a test holds the list against the includes). From outside
# the project it takes EXPOSES, which its headers include, and LIBRARIES, which only its sources do.
#
# tally_rooms(<folder>) makes tally_<folder>, all rooms of the folder for who wants the whole.

# One precompiled header for all rooms: GCC takes it whatever else is defined on the command line.
# Clang does not, and does without.
function(tally_precompile target)
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
        target_precompile_headers(${target} REUSE_FROM ${ARGN})
    endif()
endfunction()

file(WRITE ${CMAKE_BINARY_DIR}/empty.cpp.in "")
configure_file(${CMAKE_BINARY_DIR}/empty.cpp.in ${CMAKE_BINARY_DIR}/empty.cpp COPYONLY)
add_library(tally_pch STATIC ${CMAKE_BINARY_DIR}/empty.cpp)
target_link_libraries(tally_pch PRIVATE tally_flags)
target_precompile_headers(tally_pch PRIVATE ${CMAKE_SOURCE_DIR}/cmake/pch.hpp)

function(tally_room folder)
    cmake_parse_arguments(ARG "" "" "USES;EXPOSES;LIBRARIES" ${ARGN})
    string(REPLACE "/" "_" name ${folder})
    set(uses ${ARG_USES})
    list(TRANSFORM uses REPLACE "/" "_")
    list(TRANSFORM uses PREPEND "tally_")
    file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${folder}/*.cpp)
    list(REMOVE_ITEM sources ${CMAKE_SOURCE_DIR}/${folder}/main.cpp)
    if(sources)
        add_library(tally_${name} STATIC ${sources})
        target_link_libraries(tally_${name} PUBLIC tally_flags ${uses} ${ARG_EXPOSES}
            PRIVATE ${ARG_LIBRARIES})
        tally_precompile(tally_${name} tally_pch)
    else()
        add_library(tally_${name} INTERFACE)
        target_link_libraries(tally_${name} INTERFACE tally_flags ${uses} ${ARG_EXPOSES})
    endif()
    string(REGEX REPLACE "_.*" "" top ${name})
    set_property(GLOBAL APPEND PROPERTY tally_rooms_of_${top} tally_${name})
endfunction()

function(tally_rooms folder)
    get_property(rooms GLOBAL PROPERTY tally_rooms_of_${folder})
    add_library(tally_${folder} INTERFACE)
    target_link_libraries(tally_${folder} INTERFACE ${rooms})
endfunction()
