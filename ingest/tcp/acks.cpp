#include "ingest/tcp/acks.hpp"

#include <utility>

namespace tally::ingest {

std::uint64_t tcp_acks::begin(std::uint32_t records, std::string errors, std::size_t bytes) {
    // Each group remembers the number after its last record: that is what its ack says.
    records_ += records;
    bytes_ += bytes;
    unsaid_ += errors.size();
    groups_.push_back({records_, std::move(errors), bytes, false});
    return first_group_ + groups_.size() - 1;
}

void tcp_acks::done(std::uint64_t number, bool durable) {
    failed_ = failed_ || !durable;
    groups_[number - first_group_].is_done = true;

    // An ack covers all records before it, so only finished groups at the front count. After a
    // failure nothing more is acknowledged: the sender repeats from the last ack.
    while (!groups_.empty() && groups_.front().is_done) {
        auto& first = groups_.front();
        bytes_ -= first.bytes;
        if (!failed_) {
            errors_ += first.errors;
            acknowledged_ = first.end_record;
        } else {
            unsaid_ -= first.errors.size();
        }
        groups_.pop_front();
        ++first_group_;
    }
}

std::string tcp_acks::take() {
    std::string text = std::exchange(errors_, {});
    unsaid_ -= text.size();

    // One ack for everything that became durable since the last call. Errors come first: an ack
    // says that the errors below it have been sent.
    if (acknowledged_ > reported_) {
        reported_ = acknowledged_;
        text += "{\"ack\":" + std::to_string(reported_) + "}\n";
    }
    being_said_ = text.size();
    return text;
}

} // namespace tally::ingest
