#include "tests/daemon/quote/rate_fixture.hpp"

#include "tests/support/json_object.hpp"

#include <cstdlib>
#include <fstream>
#include <gtest/gtest.h>
#include <simdjson.h>
#include <sstream>
#include <stdexcept>

namespace tally::tests {

rate_fixture::rate_fixture() {
    auto name = (std::filesystem::temp_directory_path() / "tallyd-rate-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) {
        throw std::runtime_error{"no temporary folder"};
    }
    folder_ = name;
}

rate_fixture::~rate_fixture() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
}

std::string rate_fixture::write(std::string const& name, std::string_view text) const {
    auto const path = folder_ / name;
    std::ofstream{path, std::ios::binary} << text;
    return path.string();
}

rate_answers rate_fixture::rate(std::string_view plan, std::string_view input,
                                std::vector<std::string> words) const {
    words.insert(words.begin(), {"--plan-file", write("plan.toml", plan)});
    return run(std::move(words), input);
}

rate_answers rate_fixture::run(std::vector<std::string> words, std::string_view input) const {
    words.insert(words.begin(), "rate");
    auto const ran = run_tallyd(TALLY_BINARY, words, {}, write("input", input));
    rate_answers answers;
    answers.exit_code = ran.exit_code;
    std::istringstream compressed{ran.out};
    for (std::string line; std::getline(compressed, line);) {
        if (line.starts_with('{')) {
            answers.lines.push_back(line);
        } else {
            answers.messages += line + '\n';
        }
    }
    return answers;
}

std::string plan_text(std::string_view head, std::string_view body) {
    std::string text = "[plan]\ncode = \"test\"\nname = \"Test\"\ncurrency = \"INR\"\n";
    text += head.find("timezone") == std::string_view::npos ? "timezone = \"UTC\"\n" : "";
    return text.append(head) + '\n' + std::string{body};
}

std::string rate_text(std::string_view prefix, std::string_view steps, std::string_view more) {
    std::string text = "[[rate]]\nprefix = \"" + std::string{prefix} + "\"\nsteps = [";
    std::istringstream input{std::string{steps}};
    for (std::string step; std::getline(input, step, ',');) {
        auto const colon = step.find(':');
        auto const unit = step.find('/', colon);
        auto const increment = step.find('/', unit + 1);
        text += "{ from_s = " + step.substr(0, colon) + ", price = \"" +
                step.substr(colon + 2, unit - colon - 2) +
                "\", unit_s = " + step.substr(unit + 1, increment - unit - 1) +
                ", increment_s = " + step.substr(increment + 1) + " },";
    }
    return text + "]\n" + std::string{more} + '\n';
}

namespace {

/// `more`: further members, each after a comma, since some tests send what is no JSON.
std::string line_of(tests::json_object const& question, std::string_view more) {
    auto line = question.text();
    line.insert(line.size() - 1, more);
    return line;
}

} // namespace

std::string call_line(std::string_view target, std::string_view seconds, std::string_view position,
                      std::string_view more) {
    tests::json_object question;
    question.with("to", target).with("at", position);
    return line_of(question.with_json("duration_s", std::string{seconds}), more);
}

std::string event_line(std::string_view metric, std::string_view quantity,
                       std::string_view position, std::string_view more) {
    tests::json_object question;
    question.with("metric", metric).with("quantity", quantity);
    return line_of(question.with("at", position), more);
}

std::string member_of(std::string const& answer, std::string const& pointer) {
    simdjson::dom::parser parser;
    simdjson::dom::element document;
    simdjson::dom::element member;
    if (parser.parse(answer).get(document) || document.at_pointer('/' + pointer).get(member)) {
        return "(absent)";
    }
    std::string_view text;
    return member.get(text) ? simdjson::minify(member) : std::string{text};
}

namespace {

void expect_answer(std::string const& answer, rate_case const& expected) {
    std::istringstream input{expected.expected};
    for (std::string pair; input >> pair;) {
        auto const equals = pair.find('=');
        EXPECT_EQ(member_of(answer, pair.substr(0, equals)), pair.substr(equals + 1))
            << pair << "\n  asked: " << expected.question << "\n  answer: " << answer;
    }
}

} // namespace

void expect_rated(std::string_view plan, std::vector<rate_case> const& cases,
                  std::vector<std::string> words) {
    std::string input;
    bool all_rated = true;
    for (auto const& each : cases) {
        input += each.question + '\n';
        all_rated = all_rated && each.expected.find("error=") == std::string::npos;
    }
    auto const answers = rate_fixture{}.rate(plan, input, std::move(words));
    EXPECT_EQ(answers.exit_code, all_rated ? 0 : 1);
    ASSERT_EQ(answers.lines.size(), cases.size()) << answers.messages;
    for (std::size_t i = 0; i < cases.size(); ++i) {
        expect_answer(answers.lines[i], cases[i]);
    }
}

} // namespace tally::tests
