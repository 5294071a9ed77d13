#include "ingest/push/exchange.hpp"

#include "ingest/base/time.hpp"
#include "ingest/http/problem.hpp"

#include <algorithm>
#include <utility>

namespace tally::ingest {

namespace {

/// Credit is returned with each COMMIT, so there is room again within a second.
constexpr unsigned retry_after_full_s = 1;
/// About the time of a restart.
constexpr unsigned retry_after_closed_s = 5;

/// What remains of a push while its records are on their way.
struct push_under_way {
    push_summary summary;
    std::shared_ptr<source const> sender; ///< the summary holds a view of its name
    push_observer& observer;
    http_reply reply;
    std::string_view endpoint;
    std::chrono::steady_clock::time_point started;
    bool wait_for_commit;
    std::weak_ptr<commit_wait> waits;

    void done(block_outcome const& outcome) const {
        if (wait_for_commit && waits.expired()) { // the response was already sent, at the timeout
            if (outcome.durable) {
                observer.counted(summary.counts);
            }
            return;
        }

        // Not durable: the sender gets 503 and sends again; the duplicates are found by their keys.
        http_response response;
        if (outcome.durable) {
            response = accepted_response(summary, wait_for_commit ? &outcome : nullptr);
            observer.counted(summary.counts);
            std::chrono::duration<double> const taken = std::chrono::steady_clock::now() - started;
            observer.acknowledged(taken.count());
        } else {
            response = unavailable("the daemon stopped before the records were stored; send them "
                                   "again",
                                   retry_after_closed_s);
        }

        response.endpoint = endpoint;
        reply(std::move(response));
    }
};

} // namespace

push_exchange::push_exchange(record_sink& sink, push_observer& observer, push_order order)
    : sink_(sink), observer_(observer), order_(std::move(order)), credit_(sink) {}

bool push_exchange::from_switch() const noexcept {
    return order_.in_format->sender == sender_kind::telephony_switch;
}

http_response push_exchange::named(http_response response) const {
    response.endpoint = order_.endpoint;
    return response;
}

http_response push_exchange::too_large() const {
    return named(problem(413, "a body may have " + std::to_string(order_.body_bytes_max) +
                                  " bytes, as sent and as expanded; send smaller batches"));
}

http_response push_exchange::refused(push_status status) const {
    if (status == push_status::closed) {
        return named(unavailable("the daemon is stopping", retry_after_closed_s));
    }
    return named(unavailable("no room for more records at the moment", retry_after_full_s));
}

/// Counts the body as sent against its limit; the expanded body has the same limit.
std::optional<http_response> push_exchange::admit(std::size_t bytes) {
    // Written as a difference: a sum of announced lengths could overflow.
    if (bytes > order_.body_bytes_max - body_bytes_) {
        return too_large();
    }
    if (push_status const status = credit_.ask(bytes); status != push_status::pushed) {
        return refused(status);
    }
    body_bytes_ += bytes;
    return std::nullopt;
}

/// The records may still be stored after this; the sender's repetition is then a duplicate.
http_response push_exchange::timed_out() const {
    return named(unavailable("the records were not stored in time; they may be later, so sending "
                             "them again is safe",
                             retry_after_full_s));
}

/// Decodes, and responds at once or when the block is done. 422 if every record was rejected.
void push_exchange::finish(std::string body, http_reply reply) {
    auto block = std::make_unique<record_block>();
    block->sender = order_.sender;
    block->in_format = order_.in_format;
    block->suspend_rejected = from_switch();
    if (auto refusal = fill(*block, std::move(body))) {
        reply(named(std::move(*refusal)));
        return;
    }

    // The batch moves on with the block, so everything the response needs is taken now.
    auto const counts = count_push(block->batch, order_.sender->name,
                                   name_of(order_.in_format->kind), from_switch());
    push_summary summary = summarize(block->batch, counts);
    if (summary.counts.accepted != 0) {
        hand_over(std::move(block), std::move(summary), reply);
        return;
    }
    observer_.counted(summary.counts);

    // Nothing to store, so the outcome is known: respond at once.
    block_outcome const nothing{.durable = true};
    bool const reports_outcome = order_.wait_for_commit || from_switch();
    reply(named(summary.rejected != 0
                    ? all_rejected_response(summary)
                    : accepted_response(summary, reports_outcome ? &nothing : nullptr)));
}

/// Decodes the body into the block's batch. A returned response means that the body is refused.
std::optional<http_response> push_exchange::fill(record_block& block, std::string body) {
    record_batch& batch = block.batch;

    // Expand, then make a binary event structured, then decode: the decoders know one form only.
    if (order_.coding != content_coding::identity) {
        if (auto refusal = expand_body(block, body)) {
            return refusal;
        }
        if (!batch.rejected.empty()) {
            return std::nullopt;
        }
    }
    if (order_.event) {
        if (auto refusal = structure_body(body)) {
            return refusal;
        }
    }
    batch.set_body(std::move(body));

    // An empty body of an application is a mistake that 400 shows; a switch cannot act on a
    // response, so it is accepted as nothing.
    if (batch.body.empty()) {
        return from_switch() ? std::nullopt
                             : std::optional{problem(400, "the body is empty: send one record, an "
                                                          "array, or one record a line")};
    }

    return decode(batch);
}

/// Makes records of the body. A returned response means that the body is refused.
std::optional<http_response> push_exchange::decode(record_batch& batch) {
    // Events without a time get the time of receipt.
    decode_context const context{*order_.sender, order_.content_type, order_.query, now_us()};
    order_.in_format->decode(context, batch);

    // A switch sends one call or a file of calls. A body with thousands of bad records and not a
    // single good one is not a list of records (binary data, for example), so it is kept as one bad
    // record.
    constexpr std::size_t bad_records_max = 1000;
    bool const none_good = batch.cdrs.empty() && batch.events.empty();
    if (from_switch() && none_good && batch.rejected.size() > bad_records_max) {
        auto const first = batch.rejected.front();
        return take_unreadable(batch, first.error, first.detail);
    }
    if (batch.body_error == record_error::none) {
        return std::nullopt;
    }
    return take_unreadable(batch, batch.body_error, batch.body_detail);
}

/// Replaces `body` by its expanded form. Credit is asked for while it grows, so that a small body
/// that expands to a large one cannot exceed the memory's bound.
std::optional<http_response> push_exchange::expand_body(record_block& block, std::string& body) {
    push_status room = push_status::pushed;
    auto const ask_room = [&](std::size_t bytes) {
        room = credit_.ask(bytes);
        return room == push_status::pushed;
    };

    std::string expanded;
    expand_result const result =
        expand(order_.coding, body, order_.body_bytes_max, ask_room, expanded);
    switch (result.status) {
    case expand_status::expanded:
        body = std::move(expanded);
        return std::nullopt;
    case expand_status::too_large:
        return too_large();
    case expand_status::no_room:
        return refused(room);
    case expand_status::damaged:
        break;
    }

    // A switch's damaged body is kept as received, compressed.
    block.batch.set_body(std::exchange(body, {}));
    return take_unreadable(block.batch, record_error::bad_encoding, result.detail);
}

/// Replaces `body`, the data of an event in binary mode, by that event in structured mode. The
/// credit for the growth is asked for afterwards; until then, at most one body per thread exceeds
/// what was admitted.
std::optional<http_response> push_exchange::structure_body(std::string& body) {
    std::string structured;
    if (auto const fault = write_structured(*order_.event, body, structured)) {
        return problem(400, fault.detail, code(fault.error));
    }

    // The credit for the body itself was given before it was read.
    std::size_t const growth = structured.size() - std::min(structured.size(), body.size());
    if (push_status const room = credit_.ask(growth); room != push_status::pushed) {
        return refused(room);
    }
    body = std::move(structured);
    return std::nullopt;
}

/// An application can correct its body, so it gets 400. A switch cannot: the whole body becomes one
/// rejected record that is kept in suspense as received.
std::optional<http_response> push_exchange::take_unreadable(record_batch& batch, record_error error,
                                                            std::string_view detail) {
    std::string_view const reason = detail.empty() ? explain(error) : detail;
    if (!from_switch()) {
        return problem(400, reason, code(error));
    }
    batch.reject_body(error, reason);
    return std::nullopt;
}

/// Gives the block to the sink, with everything that its response will need.
void push_exchange::hand_over(std::unique_ptr<record_block> block, push_summary summary,
                              http_reply const& reply) {
    if (order_.wait_for_commit) {
        waits_ = std::make_shared<commit_wait>();
    }
    auto under_way = std::make_shared<push_under_way>(
        push_under_way{std::move(summary), order_.sender, observer_, reply, order_.endpoint,
                       order_.started, order_.wait_for_commit, waits_});

    // The journal needs the context to decode the body again.
    block->admitted_bytes = credit_.bytes();
    block->content_type = std::move(order_.content_type);
    block->query = std::move(order_.query);
    block->waits = waits_;
    block->on_done = [under_way = std::move(under_way)](block_outcome const& outcome) {
        under_way->done(outcome);
    };

    // on_done may run on another thread before push() returns; from here on, `block` is the sink's.
    push_status const status = sink_.push(block);
    if (status == push_status::pushed) {
        credit_.handed_over();
        return;
    }

    // The sink did not take the block: credit_ returns the room.
    reply(refused(status));
}

} // namespace tally::ingest
