#include "ingest/base/time.hpp"
#include "ingest/formats/formats.hpp"
#include "ingest/journal/folder.hpp"
#include "ingest/journal/reader.hpp"
#include "ingest/journal/writer.hpp"
#include "ingest/record/record_sink.hpp"
#include "rating/rater/rater.hpp"
#include "storage/batch/batch_writer.hpp"
#include "storage/postgres/copy_encoder.hpp"
#include "storage/postgres/pq_connection.hpp"

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

// The examples in the comments of headers, taken from there by the build: one that no longer
// compiles fails it. A function's parameters, and the functions that are only declared, are what
// its example takes for granted.

namespace tally::ingest {

void store(cdr const& call);
void store(cdr const& call, std::uint32_t index);
void report(rejected_record const& bad);
void report(journal_damage const& damage);
void acknowledge(bool is_durable = true);
void retry_later();
void replay(std::uint64_t first_record, std::string_view payload);

void decoder_example(source const& sender) {
#include <examples/ingest/record/format.hpp.inc>
}

void record_batch_example(std::string bytes, decode_context const& context, decode_fn decode) {
#include <examples/ingest/record/record_batch.hpp.inc>
}

void record_sink_example(record_sink& sink, std::size_t bytes) {
#include <examples/ingest/record/record_sink.hpp.inc>
}

void journal_writer_example(std::filesystem::path const& folder, std::string const& payload,
                            std::uint32_t records, std::uint64_t stored_below) {
#include <examples/ingest/journal/writer.hpp.inc>
}

void journal_reader_example(journal_stream const& stream) {
#include <examples/ingest/journal/reader.hpp.inc>
}

} // namespace tally::ingest

namespace tally::rating {

void tariff_example(ingest::time_us answer) {
#include <examples/rating/tariff/tariff.hpp.inc>
}

void rater_example(ingest::cdr const& call, tariff const& plan) {
#include <examples/rating/rater/rater.hpp.inc>
}

} // namespace tally::rating

namespace tally::storage {

void batch_writer_example(std::string const& connection_string, batch const& rows) {
#include <examples/storage/batch/batch_writer.hpp.inc>
}

void pq_connection_example(std::string const& connection_string) {
#include <examples/storage/postgres/pq_connection.hpp.inc>
}

struct table_row {
    ingest::uuid id;
    std::int64_t number = 0;
};

void copy_encoder_example(std::vector<table_row> const& rows) {
#include <examples/storage/postgres/copy_encoder.hpp.inc>
}

} // namespace tally::storage
