#include "tools/event_record.h"

#include <gtest/gtest.h>

namespace normact::tools {
namespace {

TEST(EventRecord, has_the_checksum_of_its_standard) {
    EXPECT_EQ(crc32c("123456789"), 0xe3069283U);            // the check value of CRC-32C
    EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aaU);  // RFC 3720, B.4
    EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62a8ab43U);
    EXPECT_EQ(crc32c(""), 0U);
}

TEST(EventRecord, is_length_checksum_data_checksum) {
    const std::string record = event_record("abc");
    EXPECT_EQ(record.size(), 8 + 4 + 3 + 4u);
    EXPECT_EQ(record.substr(0, 8), std::string("\3\0\0\0\0\0\0\0", 8));
    EXPECT_EQ(record.substr(12, 3), "abc");
}

TEST(EventRecord, encodes_the_fields_of_an_event) {
    const std::string event = scalar_event({.wall = 0, .step = 300}, "a", 1.0F);
    const std::string wall("\x09\0\0\0\0\0\0\0\0", 9), step = "\x10\xac\x02", summary = "\x2a\x0a\x0a\x08";
    EXPECT_EQ(event, wall + step + summary +
                         "\x0a\x01"
                         "a" +
                         std::string("\x15\0\0\x80\x3f", 5));
}

}  // namespace
}  // namespace normact::tools
