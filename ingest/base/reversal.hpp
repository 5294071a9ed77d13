#pragma once

#include <cstdint>

namespace tally {

/// A protection of the pipeline that the simulation takes out, to show that it finds the fault
/// which the protection prevents (tests/simulation). In the product every one of them is in place:
/// the function is a constant there.
enum class reversal : std::uint8_t {
    none,
    drop_when_busy,    ///< a lane with a long queue refuses a slice, and the block counts as stored
    lose_offset,       ///< a reader keeps its offset when its segment has been released
    trust_database,    ///< a position that went back is not noticed
    count_unfinished,  ///< a block counts as stored although a lane gave its slice up
    decide_each_time,  ///< who pays is found again at each reading
    release_unwritten, ///< segments follow the lanes, not the position in the database
    remove_unstored,   ///< the files of an earlier run go as soon as they are read
    ignore_settled,    ///< a position that an operator has moved is not taken over
    admit_blocks,      ///< the lanes take blocks beyond their credit
    admit_pushes,      ///< the journal takes pushes beyond its memory
};

#ifdef TALLY_SIMULATION
bool is_reversed(reversal protection) noexcept;
#else
constexpr bool is_reversed(reversal /*protection*/) noexcept {
    return false;
}
#endif

} // namespace tally
