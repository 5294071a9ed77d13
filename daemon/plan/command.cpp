#include "daemon/cli/command.hpp"
#include "config/nearest_name.hpp"
#include "daemon/cli/database.hpp"
#include "daemon/cli/failure_report.hpp"
#include "daemon/cli/table_printer.hpp"
#include "daemon/plan/files.hpp"
#include "daemon/plan/report.hpp"
#include "rating/plan_file/plan_writer.hpp"
#include "storage/plans/store.hpp"
#include "storage/postgres/command_error.hpp"
#include "storage/schema/migrations.hpp"

#include <CLI/CLI.hpp>

#include <iostream>
#include <memory>

// tallyd plan apply | export | list | diff | check: manages plans and their rates as files.

namespace tally::daemon {
namespace {

using storage::plan_store;
using storage::plan_to_apply;

struct plan_flags {
    std::vector<std::string> files;
    std::string code;
    bool dry_run = false;
    bool json = false;
};

using plan_work = std::function<int(plan_store&, plan_flags const&)>;

/// Prints every problem: as text on standard error, or as JSON on standard output.
void print_problems(std::vector<rating::plan_problem> const& problems, bool json) {
    for (auto const& each : problems) {
        if (json) {
            std::cout << problem_json(each) << '\n';
        } else {
            std::cerr << "tallyd: " << printable(line_of(each)) << '\n';
        }
    }
}

/// The plans of the files; nullopt when any file has a problem. Prints all problems.
std::optional<std::vector<plan_to_apply>> read_all(plan_flags const& flags) {
    std::vector<plan_to_apply> plans;
    bool is_good = true;
    for (auto const& file : flags.files) {
        auto reading = read_plan_file(file);
        if (reading.plan && reading.plan->code.empty()) {
            // A code is optional in a file to be quoted by, but here it says which plan to change.
            reading.problems.push_back(
                {file, 0, 0, "[plan] needs code, which identifies the plan"});
        }
        print_problems(reading.problems, flags.json);

        // The files go on being read: all problems are shown in one pass.
        is_good = is_good && reading.problems.empty();
        if (reading.plan) {
            plans.push_back({std::move(*reading.plan), {}});
        }
    }
    return is_good ? std::optional{std::move(plans)} : std::nullopt;
}

/// Prints the differences; true when there is one.
bool print_all(std::vector<plan_to_apply> const& plans,
               std::vector<rating::plan_difference> const& changes, bool json) {
    bool is_changed = false;
    for (std::size_t i = 0; i < plans.size(); ++i) {
        is_changed = is_changed || !changes[i].empty();
        if (json) {
            std::cout << difference_json(plans[i].plan, changes[i]) << '\n';
        } else {
            print_difference(std::cout, plans[i].plan, changes[i]);
        }
    }
    return is_changed;
}

/// All files in one transaction: plans may fall back on each other.
int apply(plan_store& store, plan_flags const& flags) {
    auto const plans = read_all(flags);
    if (!plans) {
        return exit_failure;
    }

    // A dry run takes the same path and rolls back, so that it shows what would really happen.
    auto const mode = flags.dry_run ? storage::apply_mode::dry_run : storage::apply_mode::commit;
    bool const is_changed = print_all(*plans, store.apply(*plans, mode), flags.json);
    if (is_changed && !flags.json) {
        std::cout << (flags.dry_run ? "dry run: nothing was changed\n" : "applied\n");
    }
    return exit_success;
}

/// The exit codes of diff(1): 0 the same, 1 different, 2 a file that cannot be compared.
int diff(plan_store& store, plan_flags const& flags) {
    auto const plans = read_all(flags);
    if (!plans) {
        return exit_usage;
    }
    return print_all(*plans, store.compare(*plans), flags.json) ? exit_failure : exit_success;
}

/// Codes are typed by hand, so the nearest one is offered.
int no_such_plan(plan_store& store, std::string const& code) {
    auto const plans = store.list();
    std::vector<std::string_view> codes;
    for (auto const& each : plans) {
        codes.push_back(each.code);
    }

    auto const meant = config::nearest_name(code, codes);
    std::cerr << "tallyd: there is no plan '" << printable(code) << "'"
              << (meant.empty() ? "; see: tallyd plan list"
                                : "; did you mean " + std::string{meant} + "?")
              << '\n';
    return exit_failure;
}

/// What it prints is a file for apply, which then finds nothing to change.
int print_export(plan_store& store, plan_flags const& flags) {
    auto const plan = store.find(flags.code);
    if (!plan) {
        return no_such_plan(store, flags.code);
    }
    std::cout << write_plan(*plan);
    return exit_success;
}

int list(plan_store& store, plan_flags const& flags) {
    auto const plans = store.list();
    if (!flags.json) {
        print_plans(std::cout, plans);
        return exit_success;
    }
    for (auto const& each : plans) {
        std::cout << plan_json(each) << '\n';
    }
    return exit_success;
}

/// Does not need a database.
int check(plan_flags const& flags) {
    auto const plans = read_all(flags);
    if (!plans) {
        return exit_failure;
    }

    // With --json only problems are printed, and a valid file has none.
    for (auto const& [plan, id] : flags.json ? std::vector<plan_to_apply>{} : *plans) {
        std::cout << "plan " << plan.code << ": valid, " << grouped(plan.rates.size()) << " rates, "
                  << plan.bands.size() << " bands, " << plan.metrics.size() << " metrics\n";
    }
    return exit_success;
}

/// Opens the database and does the work. Failures end as one line and exit code 1.
int with_database(command_environment const& environment, plan_flags const& flags,
                  plan_work const& work) {
    auto const settings = environment.load_settings();
    return with_failures_printed(failure_text::lines, [&] {
        database const opened{settings, database_use::shared};

        // The statements are those of this binary's schema.
        if (auto const schema = storage::check_schema(opened.connection_string()); !schema.is_ok) {
            throw storage::command_error{schema.advice};
        }
        storage::pq_connection connection{opened.connection_string(), "tallyd plan"};
        plan_store store{connection};
        return work(store, flags);
    });
}

CLI::App* add_work(CLI::App& parent, command_environment& environment,
                   std::shared_ptr<plan_flags> const& flags, std::string const& name,
                   std::string const& description, plan_work work) {
    auto* command = parent.add_subcommand(name, description);
    command->callback([flags, &environment, work = std::move(work)] {
        environment.exit_code = with_database(environment, *flags, work);
    });
    return command;
}

void add_files(CLI::App& command, plan_flags& flags) {
    command.add_option("FILE", flags.files, "plan files (TOML), with their decks beside them")
        ->required();
}

void add_json(CLI::App& command, plan_flags& flags, char const* text) {
    command.add_flag("--json", flags.json, text);
}

} // namespace

void add_plan_command(CLI::App& app, command_environment& environment) {
    auto* plan = app.add_subcommand("plan", "manage plans and their rates as files");
    plan->require_subcommand(1);
    plan->footer("How to write a plan: config/plans/README.md");
    auto flags = std::make_shared<plan_flags>();
    constexpr auto a_line = "one JSON object per line instead of tables";

    auto* applied =
        add_work(*plan, environment, flags, "apply",
                 "write the plans of the files into the database, all of them or none", apply);
    add_files(*applied, *flags);
    applied->add_flag("--dry-run", flags->dry_run, "show what would change, change nothing");
    add_json(*applied, *flags, a_line);
    applied->footer(
        "A changed rate is in effect from its effective_from on, or from now without one; the "
        "old rate ends there and stays in the database. Running daemons use the change at once. "
        "Applying the same file twice changes nothing.");

    auto* exported = add_work(*plan, environment, flags, "export",
                              "print a plan as a file for apply", print_export);
    exported->add_option("CODE", flags->code, "the plan's code")->required();

    add_json(*add_work(*plan, environment, flags, "list", "list the plans", list), *flags, a_line);

    auto* compared =
        add_work(*plan, environment, flags, "diff", "show what apply would change", diff);
    add_files(*compared, *flags);
    add_json(*compared, *flags, a_line);
    compared->footer("Exit code: 0 nothing would change, 1 something would, 2 a file is invalid.");

    // Not add_work(), which opens the database: files are also checked on machines without one.
    auto* checked = plan->add_subcommand("check", "check files, without a database");
    add_files(*checked, *flags);
    add_json(*checked, *flags, "problems as one JSON object per line");
    checked->callback([flags, &environment] { environment.exit_code = check(*flags); });
}

} // namespace tally::daemon
