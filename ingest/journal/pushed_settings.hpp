#pragma once

#include "ingest/record/source.hpp"

#include <memory>
#include <string>
#include <string_view>

namespace tally::ingest {

/// The settings by which the values of a source's records are read (time zone, percent-decoding,
/// number rules), as text for the journal.
std::string encode_settings(source const& sender);

/// `sender` with the settings of encode_settings(). Text that is not of its form changes nothing.
std::shared_ptr<source const> with_settings(std::shared_ptr<source const> sender,
                                            std::string_view settings);

} // namespace tally::ingest
