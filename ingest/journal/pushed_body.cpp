#include "ingest/journal/pushed_body.hpp"

#include <boost/endian/conversion.hpp>

#include <algorithm>
#include <cstring>

namespace tally::ingest {

namespace {

// Fields in their order, each with its length (4 bytes, little-endian) in front; the body is last.
constexpr char version = 1;

void put(std::string& out, std::string_view field) {
    auto length = boost::endian::native_to_little(static_cast<std::uint32_t>(field.size()));
    out.append(reinterpret_cast<char const*>(&length), sizeof length);
    out.append(field);
}

/// Takes fields off the front; `ok` turns false for good when there is none.
struct field_reader {
    std::string_view left;
    bool ok = true;

    std::string_view take() {
        std::uint32_t length = 0;
        if (left.size() < sizeof length) {
            ok = false;
            return {};
        }
        std::memcpy(&length, left.data(), sizeof length);
        boost::endian::little_to_native_inplace(length);
        left.remove_prefix(sizeof length);
        if (length > left.size()) {
            ok = false;
            return {};
        }
        auto const field = left.substr(0, length);
        left.remove_prefix(length);
        return field;
    }
};

/// A body that could not be taken apart, and is kept as one bad record. One whose only event is of
/// an unknown type is none: who reads it again may know the type.
bool is_unreadable(record_batch const& batch) {
    return batch.cdrs.empty() && batch.events.empty() && batch.rejected.size() == 1 &&
           !batch.rejected[0].suspended && batch.rejected[0].raw.data() == batch.body.data() &&
           batch.rejected[0].raw.size() == batch.body.size();
}

void reject_whole(record_batch& batch, record_error why, std::string_view detail) {
    batch.reject_whole(why, batch.text.keep(detail.empty() ? explain(why) : detail));
}

std::shared_ptr<source const> source_of(std::string_view id, source_table const& sources) {
    auto const same = [id](source const& each) {
        return std::memcmp(each.id.bytes.data(), id.data(), each.id.bytes.size()) == 0;
    };
    auto const& all = sources.all();
    auto const found =
        id.size() == uuid{}.bytes.size() ? std::find_if(all.begin(), all.end(), same) : all.end();
    return std::make_shared<source const>(found == all.end() ? sources.local() : *found);
}

/// Written by another version, perhaps. It was acknowledged, so it waits for somebody who can tell.
std::unique_ptr<record_block> unknown_push(std::string_view payload, source_table const& sources,
                                           std::string_view why) {
    auto block = std::make_unique<record_block>();
    block->from = std::make_shared<source const>(sources.local());
    block->in_format = &formats().front();
    block->suspend_rejected = true;
    block->batch.set_body(std::string{payload});
    reject_whole(block->batch, record_error::bad_encoding, why);
    return block;
}

} // namespace

std::string encode_pushed(record_block const& block) {
    auto const& batch = block.batch;
    bool const unreadable = is_unreadable(batch);
    std::string out;
    out.reserve(batch.body.size() + block.content_type.size() + block.query.size() + 128);
    out.push_back(version);
    out.push_back(block.suspend_rejected ? '\1' : '\0');
    put(out,
        {reinterpret_cast<char const*>(block.from->id.bytes.data()), block.from->id.bytes.size()});
    put(out, block.in_format->name);
    put(out, block.content_type);
    put(out, block.query);
    put(out, unreadable ? code(batch.rejected[0].error) : std::string_view{});
    put(out, unreadable ? batch.rejected[0].detail : std::string_view{});
    put(out, batch.body);
    return out;
}

std::unique_ptr<record_block> decode_pushed(std::string_view payload, source_table const& sources,
                                            time_us received) {
    field_reader fields{payload.size() < 2 ? std::string_view{} : payload.substr(2)};
    auto block = std::make_unique<record_block>();
    block->from = source_of(fields.take(), sources);
    std::string const format_name{fields.take()};
    block->in_format = find_format(format_name);
    block->content_type = fields.take();
    block->query = fields.take();
    record_error const why = parse_code(fields.take());
    std::string_view const detail = fields.take();
    std::string_view const body = fields.take();
    if (!fields.ok || payload[0] != version) {
        return unknown_push(payload, sources, "a push that this version cannot read");
    }
    if (block->in_format == nullptr) {
        return unknown_push(body, sources, "no format '" + format_name + "' in this version");
    }
    block->suspend_rejected = payload[1] != '\0';
    auto& batch = block->batch;
    batch.set_body(std::string{body});
    if (why == record_error::none) {
        block->in_format->decode({*block->from, block->content_type, block->query, received},
                                 batch);
    }
    record_error const bad = why != record_error::none ? why : batch.whole_error;
    if (bad != record_error::none) {
        block->suspend_rejected = true;
        reject_whole(batch, bad, why != record_error::none ? detail : batch.whole_detail);
    }
    return block;
}

} // namespace tally::ingest
