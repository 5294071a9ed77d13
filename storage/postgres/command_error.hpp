#pragma once

#include <stdexcept>
#include <string>

namespace tally::storage {

/// Why a command did not do its work: what() is a message for the operator, of one or more lines. A
/// refusal of tallyd itself is thrown as it is, a failed request as database_error.
class command_error : public std::runtime_error {
  public:
    explicit command_error(std::string const& message, int exit_code = 1)
        : std::runtime_error{message}, exit_code_{exit_code} {}

    /// The exit code of the command, if its codes tell failures apart as those of `migrate` do.
    [[nodiscard]] int exit_code() const noexcept { return exit_code_; }

  private:
    int exit_code_;
};

} // namespace tally::storage
