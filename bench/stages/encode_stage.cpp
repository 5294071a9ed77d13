#include "bench/stages/stage.hpp"
#include "bench/stages/stage_data.hpp"
#include "rating/rater/rater.hpp"
#include "storage/batch/cdr_copy.hpp"

#include <cstring>

namespace tally::bench {
namespace {

/// A batch of all calls, rated, each on a full allowance.
storage::batch rated_batch(stage_data const& data) {
    storage::batch made;
    for (std::size_t i = 0; i < data.calls.size(); ++i) {
        auto const& contract = data.catalog->subscription_at(data.guided[i].subscription);
        auto const& plan = data.catalog->plan_at(contract.plan);
        rating::allowance left{0, plan.head().included_s};
        storage::cdr_row row;
        row.call = &data.decoded.cdrs[i];
        row.account_id = data.catalog->account_at(contract.account).id;
        row.subscription_id = contract.id;
        row.currency = plan.head().currency;
        row.rated = rating::rate_call(*row.call, plan, left);
        made.calls.push_back(row);
    }
    return made;
}

std::uint32_t big_endian(char const* bytes, std::size_t count) {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < count; ++i) {
        value = value << 8 | static_cast<unsigned char>(bytes[i]);
    }
    return value;
}

/// Walks over the fields of a row in COPY's binary format. Returns the begin of the next row;
/// nullptr when the row does not have that account or exceeds the buffer.
char const* after_row(char const* cursor, char const* end, ingest::uuid const& account) {
    constexpr std::uint32_t null_length = UINT32_MAX;
    if (end - cursor < 22 ||
        std::memcmp(cursor + 6, account.bytes.data(), account.bytes.size()) != 0) {
        return nullptr;
    }
    std::uint32_t const fields = big_endian(cursor, 2);
    cursor += 2;
    for (std::uint32_t i = 0; i < fields && cursor != nullptr; ++i) {
        std::uint32_t const length = end - cursor < 4 ? null_length - 1 : big_endian(cursor, 4);
        std::uint32_t const taken = length == null_length ? 0 : length;
        cursor = end - cursor < std::ptrdiff_t{4} + taken ? nullptr : cursor + 4 + taken;
    }
    return cursor;
}

std::string fault_of(storage::batch const& batch, storage::cdr_order const& order,
                     storage::byte_buffer const& encoded) {
    char const* cursor = encoded.data();
    char const* const end = cursor + encoded.size();
    for (std::size_t i = 0; i < order.size(); ++i) {
        auto const& row = batch.calls[order[i]];
        if (i > 0 && row.account_id < batch.calls[order[i - 1]].account_id) {
            return "rows are not sorted";
        }
        cursor = after_row(cursor, end, row.account_id);
        if (cursor == nullptr) {
            return "row " + std::to_string(i) + " is encoded wrongly";
        }
    }
    return cursor == end ? "" : "there are bytes after the last row";
}

class encode_stage : public stage {
  public:
    std::string complaint() override {
        pass();
        return fault_of(batch_, order_, buffer_);
    }

    void pass() override {
        order_.sort(batch_.calls);
        buffer_.clear();
        for (std::size_t i = 0; i < order_.size(); ++i) {
            storage::prefetch_cdr_row(batch_.calls, order_, i);
            storage::put_cdr_row(buffer_, batch_.calls[order_[i]], batch_);
        }
        keep(*buffer_.data());
    }

    [[nodiscard]] std::size_t records() const noexcept override { return batch_.calls.size(); }
    [[nodiscard]] std::size_t bytes() const noexcept override { return buffer_.size(); }

  private:
    storage::batch const batch_ = rated_batch(data_with_prefixes(usual_prefixes));
    storage::cdr_order order_;
    storage::byte_buffer buffer_;
};

} // namespace

std::unique_ptr<stage> make_encode_stage() {
    return std::make_unique<encode_stage>();
}

} // namespace tally::bench
