#include "tools/event_record.h"

#include <array>
#include <bit>

namespace normact::tools {
namespace {

constexpr std::array<std::uint32_t, 256> make_table() {
    constexpr std::uint32_t castagnoli = 0x82f63b78;  // the polynomial, lowest power first
    std::array<std::uint32_t, 256> table{};
    for (std::uint32_t byte = 0; byte < table.size(); ++byte) {
        std::uint32_t remainder = byte;
        for (int bit = 0; bit < 8; ++bit) remainder = remainder >> 1U ^ ((remainder & 1U) != 0 ? castagnoli : 0);
        table[byte] = remainder;
    }
    return table;
}

/// Checksums of data that holds checksums are weak; so TFRecord turns and shifts them.
std::uint32_t masked(std::uint32_t checksum) { return std::rotr(checksum, 15) + 0xa282ead8; }

template <typename Integer>
std::string little_endian(Integer value) {
    std::string bytes;
    for (std::size_t i = 0; i < sizeof value; ++i) bytes += static_cast<char>(value >> (8 * i) & 0xff);
    return bytes;
}

// Protocol buffers: each field is its number with its wire type, and its value.

enum class Wire : std::uint8_t { varint = 0, fixed64 = 1, bytes = 2, fixed32 = 5 };

std::string varint(std::uint64_t value) {
    std::string bytes;
    for (; value >= 0x80; value >>= 7U) bytes += static_cast<char>((value & 0x7f) | 0x80);
    return bytes + static_cast<char>(value);
}
std::string key(unsigned field, Wire wire) { return varint(std::uint64_t{field} << 3U | static_cast<unsigned>(wire)); }

std::string integer(unsigned field, std::int64_t value) {
    return key(field, Wire::varint) + varint(static_cast<std::uint64_t>(value));
}
std::string number(unsigned field, double value) {
    return key(field, Wire::fixed64) + little_endian(std::bit_cast<std::uint64_t>(value));
}
std::string number(unsigned field, float value) {
    return key(field, Wire::fixed32) + little_endian(std::bit_cast<std::uint32_t>(value));
}
std::string bytes(unsigned field, std::string_view value) {
    return key(field, Wire::bytes) + varint(value.size()) + std::string(value);
}

std::string event(EventTime time, const std::string& what) {
    return number(1, time.wall) + integer(2, time.step) + what;
}

std::string summary_event(EventTime time, std::string_view tag, const std::string& value) {
    constexpr unsigned summary = 5, values = 1, tag_field = 1;
    return event(time, bytes(summary, bytes(values, bytes(tag_field, tag) + value)));
}

}  // namespace

std::uint32_t crc32c(std::string_view bytes) {
    static constexpr auto table = make_table();
    std::uint32_t checksum = ~0U;
    for (const char byte : bytes)
        checksum = table[(checksum ^ static_cast<unsigned char>(byte)) & 0xff] ^ checksum >> 8U;
    return ~checksum;
}

std::string event_record(std::string_view event) {
    const std::string length = little_endian(std::uint64_t{event.size()});
    return length + little_endian(masked(crc32c(length))) + std::string(event) + little_endian(masked(crc32c(event)));
}

std::string version_event(EventTime time) { return event(time, bytes(3, "brain.Event:2")); }

std::string scalar_event(EventTime time, std::string_view tag, float value) {
    return summary_event(time, tag, number(2, value));
}

std::string text_event(EventTime time, std::string_view tag, std::string_view text) {
    constexpr std::int64_t type_of_strings = 7;
    const std::string shape = bytes(2, bytes(2, integer(1, 1)));  // one dimension of size 1
    const std::string tensor = integer(1, type_of_strings) + shape + bytes(8, text);
    const std::string metadata = bytes(1, bytes(1, "text"));  // the plugin that shows it
    return summary_event(time, tag, bytes(8, tensor) + bytes(9, metadata));
}

}  // namespace normact::tools
