#include "daemon/cli/failure_report.hpp"

#include "daemon/cli/command.hpp"
#include "daemon/cli/table_printer.hpp"

#include <iostream>

namespace tally::daemon {

void print_failure(std::runtime_error const& error, failure_text form) {
    std::cerr << "tallyd: "
              << (form == failure_text::quoted ? printable(error.what()) : error.what()) << '\n';
}

int with_failures_printed(failure_text form, std::function<int()> const& work) {
    try {
        return work();
    } catch (std::runtime_error const& error) {
        print_failure(error, form);
        return exit_failure;
    }
}

} // namespace tally::daemon
