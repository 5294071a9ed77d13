#include "storage/batch/payload_digest.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <stdexcept>

namespace tally::storage {

void payload_digest::context_free::operator()(evp_md_ctx_st* c) const noexcept {
    EVP_MD_CTX_free(c);
}

payload_digest::payload_digest() : context_(EVP_MD_CTX_new()) {
    if (context_ == nullptr) {
        throw std::runtime_error("no digest context");
    }
}

payload_digest::~payload_digest() = default;

sha256 payload_digest::digest(suspense_row const& row) {
    sha256 out{};

    // The zero byte, which no format's name contains, keeps one name and payload from having the
    // digest of another pair. The format is part of the key: the same bytes are another record in
    // another format.
    constexpr char separator = 0;
    bool const good =
        EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1 &&
        EVP_DigestUpdate(context_.get(), row.format.data(), row.format.size()) == 1 &&
        EVP_DigestUpdate(context_.get(), &separator, 1) == 1 &&
        EVP_DigestUpdate(context_.get(), row.payload.data(), row.payload.size()) == 1 &&
        EVP_DigestFinal_ex(context_.get(), out.data(), nullptr) == 1;

    // OpenSSL fails only without memory or without the algorithm; a made-up key would lose a
    // record.
    if (!good) {
        throw std::runtime_error("SHA-256 failed");
    }
    return out;
}

void payload_digest::keys(std::span<suspense_row const> rows, std::vector<payload_key>& out) {
    // Sorted by key, in the order in which all sessions lock the rows (R13).
    out.clear();
    for (auto const& row : rows) {
        out.push_back({row.source_id, digest(row), static_cast<std::uint32_t>(out.size())});
    }
    std::sort(out.begin(), out.end());
}

} // namespace tally::storage
