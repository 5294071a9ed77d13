#include "tests/crash/failure.hpp"

#include <csignal>
#include <fstream>

namespace tally::crash {

// The file contains the records that the load pushes, too, from its first push on: the keys decide.
// Records that a push refuses are omitted, since an import would suspend them.
void kill_import(scene& target) {
    auto const file = target.bed.folder() / "import.ndjson";
    auto const pushes = target.random.between(20, 60);
    std::ofstream out{file};
    std::vector<std::uint64_t> indices;
    for (auto index = target.pushes.first_index(); indices.size() < pushes; ++index) {
        auto const push = push_of(target.seed, index);
        if (push.is_from_switch) {
            continue;
        }
        indices.push_back(index);
        for (auto const& call : push.calls) {
            out << (call.form == record_form::refused ? "" : call.text());
        }
    }
    out.close();
    auto settings = target.bed.environment();
    settings["TALLYD_LANES"] = std::to_string(target.plan.lanes);
    int kills = 0;
    for (auto const& slot_index : indices) {
        target.pushes.expect(slot_index, push_fate::unknown);
    }
    tests::command_result run;
    do {
        // Killed later each time, so that the import ends at last.
        auto const time = std::chrono::milliseconds{target.random.between(30, 300) +
                                                    static_cast<std::uint64_t>(kills) * 200};
        run = tests::run_tallyd_for(time, target.bed.tallyd(),
                                    {"import", "--format", "canonical", file.string()}, settings);
        kills += run.exit_code == 128 + SIGKILL ? 1 : 0;
    } while (run.exit_code == 128 + SIGKILL && kills < 30);
    if (run.exit_code != 0) {
        target.finding =
            "tallyd import ended with " + std::to_string(run.exit_code) + ": " + run.out;
    }
    for (auto const& row_index : indices) {
        target.pushes.expect(row_index, push_fate::acknowledged);
    }
    target.tell("an import of " + std::to_string(pushes) + " pushes killed " +
                std::to_string(kills) + " times");
}

} // namespace tally::crash
