#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

namespace normact::proxy_tasks {

/// Numbers of an image file, row by row.
struct Raster {
    int width = 0, height = 0;
    int channels = 0;  ///< of a pixel, side by side
    std::vector<std::uint8_t> values;
};

inline constexpr int largest_image_side = 2048;

/// A PNG or JPEG file, told apart by their content, as 8-bit red, green and blue; transparent pixels lie on black.
/// Throws DatasetError (data_files.h) that names the file if it can't be read, is neither, is damaged, or is larger
/// than largest_image_side on a side.
Raster read_color_image(const std::filesystem::path& file);

/// The numbers of a PNG file that holds one a pixel, untouched: gray of up to 8 bits, or indices into a palette.
/// Throws DatasetError as above, and for other kinds of PNG.
Raster read_label_image(const std::filesystem::path& file);

}  // namespace normact::proxy_tasks
