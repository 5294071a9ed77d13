#include "tests/crash/failure.hpp"

#include <csignal>
#include <fstream>

namespace tally::crash {

// The file contains the records that the load pushes, too, from its first push on: the keys decide.
// Records that a push refuses are omitted, since an import would suspend them.
void kill_import(scene& on) {
    auto const file = on.bed.folder() / "import.ndjson";
    auto const pushes = on.random.between(20, 60);
    std::ofstream out{file};
    std::vector<std::uint64_t> places;
    for (auto place = on.pushes.first_place(); places.size() < pushes; ++place) {
        auto const push = push_of(on.seed, place);
        if (push.is_from_switch) {
            continue;
        }
        places.push_back(place);
        for (auto const& call : push.calls) {
            out << (call.form == record_form::refused ? "" : call.text());
        }
    }
    out.close();
    auto settings = on.bed.environment();
    settings["TALLYD_LANES"] = std::to_string(on.plan.lanes);
    int kills = 0;
    for (auto const& place : places) {
        on.pushes.expect(place, push_fate::unknown);
    }
    tests::command_result run;
    do {
        // Killed later each time, so that the import ends at last.
        auto const time = std::chrono::milliseconds{on.random.between(30, 300) +
                                                    static_cast<std::uint64_t>(kills) * 200};
        run = tests::run_tallyd_for(time, on.bed.tallyd(),
                                    {"import", "--format", "canonical", file.string()}, settings);
        kills += run.exit_code == 128 + SIGKILL ? 1 : 0;
    } while (run.exit_code == 128 + SIGKILL && kills < 30);
    if (run.exit_code != 0) {
        on.finding = "tallyd import ended with " + std::to_string(run.exit_code) + ": " + run.out;
    }
    for (auto const& place : places) {
        on.pushes.expect(place, push_fate::acknowledged);
    }
    on.tell("an import of " + std::to_string(pushes) + " pushes killed " + std::to_string(kills) +
            " times");
}

} // namespace tally::crash
