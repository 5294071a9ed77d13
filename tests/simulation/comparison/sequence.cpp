#include "tests/simulation/comparison/sequence.hpp"

#include "storage/postgres/failure_class.hpp"

#include <utility>

namespace tally::simulation {

namespace {

std::map<std::string, std::uint64_t> met;

} // namespace

std::map<std::string, std::uint64_t> const& sequence::outcomes() noexcept {
    return met;
}

sequence::sequence(real_server& real, std::uint64_t seed, std::uint32_t number, model_flaw flaw)
    : random_{seed}, real_{real}, universe_{real, number, random_} {
    server_.flaw = flaw;
    faults_.interleave = [] {};
    faults_.chance = [](unsigned) { return false; };
    faults_.met = [](char const*) {};
    faults_.wait = [this] {
        if (auto const act = std::exchange(when_blocked_, nullptr)) {
            act();
        }
    };
    for (std::size_t i = 0; i < lanes; ++i) {
        lanes_[i].model = std::make_unique<model_store>(server_, faults_);
        lanes_[i].real = real_.stores[i].get();
    }
}

/// All sessions are open on both sides, and their numbers differ by a known number.
void sequence::synchronize() {
    for (auto& lane : lanes_) {
        lane.real->roll_back();
        while (!lane.real->is_committed({}).ok()) {
        }
        static_cast<void>(lane.model->is_committed({}));
        lane.session_shift = lane.real->session() - lane.model->session();
    }
    while (!real_.positions->load("").ok()) {
    }
    static_cast<void>(positions_.load(""));
}

void sequence::run() {
    synchronize();
    for (auto left = 5 + random_() % 20; left > 0; --left) {
        step();
    }
    compare_all();
}

void sequence::step() {
    using request = void (sequence::*)();
    constexpr std::pair<unsigned, request> requests[] = {
        {340, &sequence::commit_some},       {80, &sequence::commit_locked},
        {30, &sequence::commit_behind_lock}, {60, &sequence::lock_behind_lock},
        {40, &sequence::lock_and_leave},     {60, &sequence::ask_committed},
        {60, &sequence::read_rows},          {60, &sequence::read_records},
        {50, &sequence::end_a_session},      {120, &sequence::move_position},
        {60, &sequence::keep_decisions},     {40, &sequence::read_positions},
    };
    auto choice = static_cast<unsigned>(random_() % 1000);
    for (auto const& [weight, made] : requests) {
        if (choice < weight) {
            (this->*made)();
            return;
        }
        choice -= weight;
    }
}

void sequence::expect(bool is_same, std::string const& kind, std::string const& model,
                      std::string const& real) {
    log_ += "  " + kind + ": " + real + "\n";
    if (!is_same) {
        throw difference{kind + ": the model gives " + model + ", PostgreSQL " + real +
                         "\nafter\n" + log_};
    }
    ++met[kind + ": " + real];
}

void sequence::expect_same(std::string const& kind, storage::result const& model,
                           storage::result const& real) {
    if (model.reason != real.reason) {
        log_ += "  (" + real.sqlstate + " " + real.detail + ")\n";
    }
    expect(model.reason == real.reason, kind, std::string{storage::name_of(model.reason)},
           std::string{storage::name_of(real.reason)});
}

void sequence::compare_all() {
    auto const model = universe_.look(server_.now());
    auto const real = universe_.look_real();
    if (model == real) {
        return;
    }
    std::string text = "what is stored differs\n";
    for (auto const& line : model) {
        text += std::ranges::find(real, line) == real.end() ? "  model only: " + line + "\n" : "";
    }
    for (auto const& line : real) {
        text += std::ranges::find(model, line) == model.end() ? "  real only: " + line + "\n" : "";
    }
    throw difference{text + "after\n" + log_};
}

} // namespace tally::simulation
