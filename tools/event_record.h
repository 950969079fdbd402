#pragma once

#include <cstdint>
#include <string>
#include <string_view>

// TensorBoard's event files: records in TFRecord's framing, each an Event of TensorFlow's event.proto.
// https://www.tensorflow.org/tutorials/load_data/tfrecord, tensorboard/compat/proto/{event,summary,tensor}.proto
namespace normact::tools {

/// The checksum CRC-32C (RFC 3720, appendix B.4).
std::uint32_t crc32c(std::string_view bytes);

/// A record of an event file: length, checksum, data, checksum.
std::string event_record(std::string_view event);

/// When an event happened: seconds since 1970, and the step that it belongs to.
struct EventTime {
    double wall = 0;
    std::int64_t step = 0;
};

/// The event with which every event file begins.
std::string version_event(EventTime time);
/// One number of a curve.
std::string scalar_event(EventTime time, std::string_view tag, float value);
/// A text (Markdown).
std::string text_event(EventTime time, std::string_view tag, std::string_view text);

}  // namespace normact::tools
