#include "ingest/tcp/intake.hpp"

#include "ingest/base/time.hpp"
#include "ingest/formats/formats.hpp"
#include "ingest/json/member.hpp"
#include "ingest/json/rejected_record.hpp"
#include "ingest/json/writer.hpp"
#include "ingest/record/authorization.hpp"
#include "ingest/text/trim.hpp"

#include <array>
#include <chrono>
#include <utility>

namespace tally::ingest {

namespace {

constexpr std::string_view default_format = "canonical";
/// Limit of the first line, before the source and its own limit are known.
constexpr std::size_t hello_bytes_max = 1024 * 1024;

/// A string member of a JSON object; empty if it is not a string. Tokens and names need no escapes.
std::string text_member(std::string_view object, std::string_view name) {
    auto const found = json_member(object, name);
    bool const is_text = found && found->size() >= 2 && found->front() == '"';
    return is_text ? found->substr(1, found->size() - 2) : std::string{};
}

std::string error_line(std::uint64_t index, rejected_record const& record) {
    json_writer json;
    json.open('{').key("error");
    append_error(json, index, record);
    json.close('}');
    return std::move(json).text() + "\n";
}

/// Whether decoding gave exactly one record a line, since acks count lines. A single line that does
/// not is made one rejected record, so it always does.
bool holds_a_record_a_line(record_batch& batch, std::uint32_t lines) {
    if (batch.body_error == record_error::none && batch.received() == lines) {
        return true;
    }
    if (lines > 1) {
        return false;
    }

    // A line with an array, for example, is JSON, but not a record.
    auto const reason =
        batch.body_error == record_error::none ? record_error::not_an_object : batch.body_error;
    batch.reject_body(reason, explain(reason));
    batch.body_error = record_error::none;
    return true;
}

} // namespace

tcp_intake::tcp_intake(record_sink& sink, push_observer& observer, bool from_loopback)
    : sink_(sink), observer_(observer), from_loopback_(from_loopback), lines_(hello_bytes_max) {}

/// Adds an error of the connection; it is sent after the errors and acks of its records.
void tcp_intake::refuse(std::string_view code, std::string_view detail) {
    json_writer json;
    json.open('{').key("error").open('{').key("code").value(code).key("detail").value(detail);
    json.close('}').close('}');
    refusal_ += std::move(json).text() + "\n";
}

std::string tcp_intake::take() {
    return acks_.take() + std::exchange(refusal_, {});
}

/// The first failure is reported once; later groups cannot be acknowledged.
void tcp_intake::done(std::uint64_t group, bool durable) {
    bool const had_failed = acks_.failed();
    acks_.done(group, durable);
    if (acks_.failed() && !had_failed) {
        refuse("not_stored", "records after the last ack were not stored; send them again");
        stopped_ = true;
    }
}

tcp_intake::step_result tcp_intake::step() {
    if (stopped_) {
        return step_result::close;
    }

    // Lines that found no room are first: records keep their order, since acks count them.
    if (!held_.empty()) {
        return take_records();
    }

    // After the first line everything is records.
    if (source_ != nullptr) {
        return take_piece(lines_.next_lines(block_bytes, block_lines));
    }

    // The first line may be a hello; else it is a record, and the defaults apply.
    auto const first = lines_.next_line();
    if (first.kind == tcp_lines::found::nothing) {
        return step_result::more;
    }
    if (sink_.sources() == nullptr) {
        refuse("starting", "the daemon is starting; come back in a second");
        return step_result::close;
    }
    bool const is_hello = json_member(trimmed(first.text), "hello").has_value();
    if (!greet(is_hello ? trimmed(first.text) : std::string_view{})) {
        return step_result::close;
    }
    lines_.limit(source_->record_bytes_max);
    return is_hello ? step_result::again : take_piece(first);
}

/// Determines the source and the format of the records; `line` is the hello, or empty.
bool tcp_intake::greet(std::string_view line) {
    auto const hello = line.empty() ? std::nullopt : json_member(line, "hello");
    auto const token = hello ? text_member(*hello, "token") : std::string{};
    auto const wanted = hello ? text_member(*hello, "format") : std::string{};
    if (!authorize(token)) {
        return false;
    }

    std::string_view const name = wanted.empty() ? default_format : std::string_view{wanted};

    // Only formats of one record a line can be acknowledged by line numbers.
    in_format_ = find_format(name);
    if (in_format_ == nullptr || in_format_->cut != framing::line ||
        in_format_->paths.front().empty()) {
        refuse("unknown_format", "no format of that name is sent by lines; canonical and "
                                 "cloudevents are");
        return false;
    }
    if (!allows_format(*source_, name)) {
        refuse("forbidden", "the source may not send this format");
        return false;
    }
    return true;
}

/// Finds the source of a token, or adds the refusal.
bool tcp_intake::authorize(std::string_view token) {
    auto owner = ingest::authorize(trimmed(token), from_loopback_, sink_.sources());
    if (auto const* refusal = std::get_if<sender_refusal>(&owner)) {
        refuse(refusal->kind == refusal_kind::unauthorized ? "unauthorized" : "forbidden",
               refusal->detail);
        return false;
    }
    source_ = std::get<std::shared_ptr<source const>>(std::move(owner));
    return true;
}

tcp_intake::step_result tcp_intake::take_piece(tcp_lines::piece const& piece) {
    switch (piece.kind) {
    case tcp_lines::found::nothing:
        return step_result::more;
    case tcp_lines::found::too_long:
        take_too_long();
        return step_result::again;
    case tcp_lines::found::lines:
        break;
    }

    // The piece is a view into lines_, which changes with the next bytes.
    held_.assign(piece.text);
    held_lines_ = piece.lines;
    return take_records();
}

/// Counts a line over the limit as a rejected record.
void tcp_intake::take_too_long() {
    push_counts counts;
    counts.source = source_->name;
    counts.kind = name_of(in_format_->kind);
    counts.received = 1;
    counts.rejected[static_cast<std::size_t>(record_error::record_too_large)] = 1;
    observer_.counted(counts);

    // The line counts as a record, so that acks keep counting the sender's lines.
    rejected_record too_long;
    too_long.error = record_error::record_too_large;
    auto errors = error_line(acks_.records(), too_long);
    acks_.done(acks_.begin(1, std::move(errors), 0), true);
}

/// Pushes the held lines, if the sink has room for them.
tcp_intake::step_result tcp_intake::take_records() {
    switch (sink_.admit(held_.size())) {
    case push_status::full:
        return step_result::wait;
    case push_status::closed:
        refuse("stopping", "the daemon is stopping; send again what has no ack");
        stopped_ = true;
        return step_result::close;
    case push_status::pushed:
        break;
    }

    // All lines together are one block: one decode, one frame, one ack.
    auto const text = std::exchange(held_, {});
    if (!push(text, held_lines_, text.size())) {
        // Some line is not one record (an array, or a value over several lines), so the numbers
        // would be wrong. Each line is pushed alone, without credit of its own: the group's credit
        // is held until all of them are pushed.
        for (std::string_view rest = text; !rest.empty();) {
            auto const end = std::min(rest.find('\n'), rest.size() - 1) + 1;
            auto const line = trimmed(rest.substr(0, end));
            if (!line.empty()) {
                push(line, 1, 0);
            }
            rest.remove_prefix(end);
        }
        sink_.release(text.size());
    }
    return stopped_ ? step_result::close : step_result::again;
}

/// Pushes lines as one block. False: together they do not give one record a line. A single line
/// always counts as one record.
bool tcp_intake::push(std::string_view text, std::uint32_t lines, std::size_t credit_bytes) {
    auto block = std::make_unique<record_block>();
    block->sender = source_;
    block->in_format = in_format_;
    auto& batch = block->batch;
    batch.set_body(std::string{text});
    in_format_->decode({*source_, {}, {}, now_us()}, batch);
    if (!holds_a_record_a_line(batch, lines)) {
        return false;
    }

    // The batch moves on with the block, so counts and errors are taken now.
    auto const counts = count_push(batch, source_->name, name_of(in_format_->kind), false);
    auto const group = acks_.begin(lines, errors_of(batch), text.size());

    // Nothing to store: finished at once, but acknowledged in its turn.
    if (counts.accepted == 0) {
        observer_.counted(counts);
        acks_.done(group, true);
        sink_.release(credit_bytes);
        return true;
    }

    // on_done may run on any thread, even after this connection has ended, so it captures no
    // `this`.
    block->admitted_bytes = credit_bytes;
    block->on_done = [stored = stored_, group, counts, source = source_,
                      &observer = observer_](block_outcome const& outcome) {
        if (outcome.durable) {
            observer.counted(counts);
        }
        stored(group, outcome.durable);
    };

    // Refused: the group fails, so that nothing after it is acknowledged.
    if (sink_.push(block) != push_status::pushed) {
        sink_.release(credit_bytes);
        done(group, false);
    }
    return true;
}

std::string tcp_intake::errors_of(record_batch const& batch) const {
    std::string errors;
    for (auto const& each : batch.rejected) {
        errors += error_line(acks_.records() + each.index, each);
    }
    return errors;
}

} // namespace tally::ingest
