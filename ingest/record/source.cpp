#include "ingest/record/source.hpp"

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <algorithm>

namespace tally::ingest {
namespace {

constexpr std::string_view local_name = "local";

/// The id that the first migration gives the local source.
constexpr uuid local_id{{0, 0, 0, 0, 0, 0, 0x70, 0, 0x80, 0, 0, 0, 0, 0, 0, 1}};

bool is_local(source const& candidate) noexcept {
    return candidate.name == local_name;
}

} // namespace

source_table::source_table(std::vector<source> sources) : sources_(std::move(sources)) {
    // The first one is local(): the source of pushes without a token.
    auto const found = std::find_if(sources_.begin(), sources_.end(), is_local);
    if (found != sources_.end()) {
        std::rotate(sources_.begin(), found, found + 1);
    } else {
        // local() promises a source, even if its row is missing.
        source local;
        local.id = local_id;
        sources_.insert(sources_.begin(), std::move(local));
    }

    // Computed once: every push asks for it.
    any_token_ = std::any_of(sources_.begin(), sources_.end(),
                             [](source const& each) { return each.has_token; });
}

source const* source_table::by_token(std::string_view token) const noexcept {
    auto const digest = token_digest(token);
    source const* found = nullptr;
    for (source const& each : sources_) {
        // Compares all of them, so that the time taken does not reveal which one was close.
        bool const is_equal =
            CRYPTO_memcmp(each.token_sha256.data(), digest.data(), digest.size()) == 0;
        if (is_equal && each.has_token) {
            found = &each;
        }
    }
    return found;
}

source const* source_table::by_name(std::string_view name) const noexcept {
    auto const found = std::find_if(sources_.begin(), sources_.end(),
                                    [name](source const& each) { return each.name == name; });
    return found == sources_.end() ? nullptr : &*found;
}

std::array<std::uint8_t, 32> token_digest(std::string_view token) noexcept {
    std::array<std::uint8_t, 32> digest{};
    // Without salt: a token is random, not a password that someone has chosen.
    SHA256(reinterpret_cast<unsigned char const*>(token.data()), token.size(), digest.data());
    return digest;
}

} // namespace tally::ingest
