#include "storage/postgres/wire_format.hpp"

#include "storage/postgres/failure_class.hpp"
#include "storage/postgres/pq_connection.hpp"
#include "tests/support/private_postgres.hpp"

#include <gtest/gtest.h>

#include <random>

namespace {

using namespace tally;
using namespace tally::storage;
using rating::int128;
__extension__ using uint128 = unsigned __int128;

constexpr int128 int128_max = static_cast<int128>(~static_cast<uint128>(0) >> 1);

/// "-12.345000000", by long division on the text of it: the slow, obvious way.
std::string nine_decimals(int128 nanos) {
    bool const negative = nanos < 0;
    std::string digits;
    do {
        int const digit = static_cast<int>(nanos % 10);
        digits.insert(digits.begin(), static_cast<char>('0' + (digit < 0 ? -digit : digit)));
        nanos /= 10;
    } while (nanos != 0);
    digits.insert(0, digits.size() < 10 ? 10 - digits.size() : 0, '0');
    digits.insert(digits.size() - 9, ".");
    return (negative ? "-" : "") + digits;
}

/// Values of every size, edges first.
std::vector<int128> many_values(std::uint64_t seed) {
    std::vector<int128> out{0,
                            1,
                            -1,
                            999,
                            1000,
                            9'999,
                            10'000,
                            99'999,
                            100'000,
                            1'000'000'000,
                            INT64_MAX,
                            INT64_MIN,
                            static_cast<int128>(INT64_MAX) + 1,
                            int128_max,
                            -int128_max,
                            -int128_max - 1};
    for (int128 power = 1; power < int128_max / 10; power *= 10) {
        out.insert(out.end(), {power, power - 1, power + 1, -power, 7 * power});
    }
    std::mt19937_64 random{seed};
    for (int i = 0; i < 20'000; ++i) {
        auto const bits = static_cast<int128>(static_cast<uint128>(random()) << 64 | random());
        out.push_back(bits >> (random() % 127));
    }
    return out;
}

class wire_format : public testing::Test {
  protected:
    pq_connection connection{tests::private_postgres::shared().empty_database(), "tallyd test"};
};

TEST_F(wire_format, numerics_are_what_postgresql_reads_and_writes) {
    std::uint64_t const seed = std::random_device{}();
    SCOPED_TRACE("seed " + std::to_string(seed));
    auto const sent = many_values(seed);
    array_parameter array{wire::numeric_oid};
    for (auto const value : sent) {
        array.add_numeric(value);
    }
    parameters values;
    values.add(array);
    pq_rows rows;
    auto const status =
        connection.query("SELECT v::text, v FROM unnest($1::numeric[]) WITH ORDINALITY"
                         " AS a(v, place) ORDER BY place",
                         values, rows);
    ASSERT_TRUE(status.ok()) << status.detail;
    ASSERT_EQ(static_cast<std::size_t>(row_count(rows)), sent.size());
    for (std::size_t i = 0; i < sent.size(); ++i) {
        auto const row = static_cast<int>(i);
        ASSERT_EQ(bytes_at(rows, row, 0), nine_decimals(sent[i]));
        auto const sum = wire::get_numeric_sum(bytes_at(rows, row, 1));
        ASSERT_TRUE(sum.has_value()) << nine_decimals(sent[i]);
        ASSERT_EQ(nine_decimals(sum->nanos), nine_decimals(sent[i]));
        bool const fits = sent[i] >= INT64_MIN && sent[i] <= INT64_MAX;
        ASSERT_EQ(wire::get_numeric(bytes_at(rows, row, 1)).has_value(), fits);
    }
}

TEST_F(wire_format, numerics_of_postgresql_that_are_no_nanos_are_refused) {
    struct reading {
        char const* text;
        std::optional<std::int64_t> nanos;
    };
    parameters none;
    pq_rows rows;
    for (auto const& [text, nanos] :
         {reading{"0", 0}, reading{"1e-9", 1}, reading{"-0.000000001", -1}, reading{"1e-10", {}},
          reading{"0.0000000011", {}}, reading{"0.000000001000", 1}, reading{"12", 12'000'000'000},
          reading{"1e9", 1'000'000'000'000'000'000}, reading{"10000.0001", 10'000'000'100'000},
          reading{"9223372036.854775807", INT64_MAX}, reading{"9223372036.854775808", {}},
          reading{"-9223372036.854775808", INT64_MIN}, reading{"1e100", {}}, reading{"NaN", {}},
          reading{"Infinity", {}}, reading{"-Infinity", {}}}) {
        ASSERT_TRUE(
            connection.query("SELECT '" + std::string{text} + "'::numeric", none, rows).ok());
        auto const read = wire::get_numeric(bytes_at(rows, 0, 0));
        EXPECT_EQ(read.has_value(), nanos.has_value()) << text;
        EXPECT_EQ(read.value_or(rating::amount{}).nanos, nanos.value_or(0)) << text;
    }
}

TEST(wire_numeric, a_mutilated_numeric_reads_as_none) {
    EXPECT_FALSE(wire::get_numeric("").has_value());
    EXPECT_FALSE(wire::get_numeric(std::string_view{"\0\1\0\0\0\0\0\0", 8}).has_value());
    EXPECT_FALSE(wire::get_numeric(std::string_view{"\xff\xff\0\0\0\0\0\0", 8}).has_value());
}

TEST_F(wire_format, every_kind_of_array_and_parameter_arrives) {
    array_parameter ids{wire::uuid_oid};
    array_parameter numbers{wire::int4_oid};
    array_parameter days{wire::date_oid};
    array_parameter times{wire::timestamptz_oid};
    array_parameter bytes{wire::bytea_oid};
    array_parameter texts{wire::text_oid};
    array_parameter empty{wire::int8_oid};
    auto const id = *ingest::parse_uuid("01234567-89ab-cdef-0123-456789abcdef");
    ids.add(id);
    ids.add_null();
    numbers.add_int32(-7);
    days.add_date(20'577);
    times.add_time(-1);
    times.add_time(INT64_MAX);
    times.add_time(INT64_MIN);
    bytes.add_bytes({"\0\xff", 2});
    texts.add_bytes("a,\"b\" {ü}");
    texts.add_bytes("");
    parameters values;
    values.add(ids).add(numbers).add(days).add(times).add(bytes).add(texts).add(empty);
    values.add(id).add_int32(5).add_int64(-6).add_time(0).add_numeric(-1'500'000'000);
    values.add_text("").add_optional_text("").add_optional({}).add_null();
    pq_rows rows;
    auto const status = connection.query(
        "SELECT concat_ws('|', $1::uuid[], $2::int[], $3::date[], $4::timestamptz[], $5::bytea[],"
        " $6::text[], $7::bigint[], $8::uuid, $9::int, $10::bigint, $11::timestamptz,"
        " $12::numeric, '<' || $13::text || '>', num_nulls($14::text, $15::uuid, $16::int))",
        values, rows);
    ASSERT_TRUE(status.ok()) << status.detail;
    EXPECT_EQ(bytes_at(rows, 0, 0),
              "{01234567-89ab-cdef-0123-456789abcdef,NULL}|{-7}|{2026-05-04}|"
              "{\"1969-12-31 23:59:59.999999+00\",infinity,-infinity}|{\"\\\\x00ff\"}|"
              "{\"a,\\\"b\\\" {ü}\",\"\"}|{}|01234567-89ab-cdef-0123-456789abcdef|5|-6|"
              "1970-01-01 00:00:00+00|-1.500000000|<>|3");
}

TEST(failure_class, says_what_an_error_means) {
    struct meaning {
        std::string_view sqlstate;
        std::string_view table;
        failure reason;
    };
    for (auto const& [sqlstate, table, why] :
         {meaning{"", "", failure::transient},
          meaning{"23505", "cdrs_p20260504", failure::duplicate},
          meaning{"23505", "accounts", failure::bad_data},
          meaning{"23503", "subscription_usage", failure::bad_data},
          meaning{"22021", "", failure::bad_data},
          meaning{"54000", "", failure::bad_data},
          meaning{"40P01", "", failure::transient},
          meaning{"40001", "", failure::transient},
          meaning{"53100", "", failure::transient},
          meaning{"53300", "", failure::transient},
          meaning{"57014", "", failure::transient},
          meaning{"57P01", "", failure::transient},
          meaning{"57P03", "", failure::transient},
          meaning{"55P03", "", failure::transient},
          meaning{"25006", "", failure::transient},
          meaning{"08006", "", failure::transient},
          meaning{"42501", "", failure::permanent},
          meaning{"42P01", "", failure::permanent},
          meaning{"28P01", "", failure::permanent},
          meaning{"3D000", "", failure::permanent},
          meaning{"21000", "", failure::permanent},
          meaning{"XX000", "", failure::permanent}}) {
        EXPECT_EQ(classify(sqlstate, table, ""), why) << sqlstate << ' ' << table;
    }
    EXPECT_EQ(classify("23505", "batches", "batches_pkey"), failure::unknown);
}

TEST(pq_connection, a_server_that_refuses_us_is_permanent_one_that_is_not_there_transient) {
    auto const good = tests::private_postgres::shared().empty_database();
    pq_connection missing{good + " dbname=nowhere", "tallyd test"};
    auto status = missing.open();
    EXPECT_EQ(status.reason, failure::permanent);
    EXPECT_EQ(status.sqlstate, "3D000") << status.detail;
    pq_connection nobody{good + " user=nobody_at_all", "tallyd test"};
    status = nobody.open();
    EXPECT_EQ(status.reason, failure::permanent) << status.detail;
    pq_connection none{"host=/nowhere", "tallyd test"};
    EXPECT_EQ(none.open().reason, failure::transient);
    EXPECT_FALSE(none.is_open());
    pq_connection nonsense{"this is no connection string", "tallyd test"};
    EXPECT_FALSE(nonsense.open().ok());
}

} // namespace
