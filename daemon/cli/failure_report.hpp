#pragma once

#include <functional>
#include <stdexcept>

namespace tally::daemon {

/// Whether the text of a failure may have several lines, such as the problems of a plan file, or
/// may quote what a switch sent, whose control characters are shown as escapes.
enum class failure_text { lines, quoted };

/// Prints a failure on standard error, as every command does.
void print_failure(std::runtime_error const& error, failure_text form = failure_text::lines);

/// Returns the exit code of `work`. A failure, mostly a storage::command_error, is printed and
/// exit_failure returned; what is no std::runtime_error is a bug and goes on to main().
int with_failures_printed(failure_text form, std::function<int()> const& work);

} // namespace tally::daemon
