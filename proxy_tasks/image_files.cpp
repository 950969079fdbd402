#include "proxy_tasks/image_files.h"

#include "proxy_tasks/data_files.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <memory>
#include <png.h>
#include <string>
#include <turbojpeg.h>

namespace normact::proxy_tasks {
namespace fs = std::filesystem;
namespace {

constexpr std::uintmax_t most_bytes = 64 << 20;

[[noreturn]] void refuse(const fs::path& file, const std::string& what) {
    throw DatasetError(file.string() + " " + what);
}

Bytes content(const fs::path& file) {
    std::error_code error;
    const auto size = fs::file_size(file, error);
    if (error) refuse(file, "can't be read: " + error.message());
    if (size > most_bytes) refuse(file, "is larger than 64 MiB");
    std::ifstream stream(file, std::ios::binary);
    if (!stream) refuse(file, "can't be opened");
    return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

Raster empty_raster(const fs::path& file, std::int64_t width, std::int64_t height, int channels) {
    if (width < 1 || height < 1 || width > largest_image_side || height > largest_image_side)
        refuse(file, "has " + std::to_string(width) + "×" + std::to_string(height) + " pixels; at most " +
                         std::to_string(largest_image_side) + " on a side are read");
    Raster raster{static_cast<int>(width), static_cast<int>(height), channels, {}};
    raster.values.resize(static_cast<std::size_t>(width * height) * channels);
    return raster;
}

bool is_png(const Bytes& bytes) { return bytes.size() >= 8 && png_sig_cmp(bytes.data(), 0, 8) == 0; }

bool is_jpeg(const Bytes& bytes) {
    constexpr std::array<std::uint8_t, 3> start{0xFF, 0xD8, 0xFF};
    return bytes.size() >= start.size() && std::equal(start.begin(), start.end(), bytes.begin());
}

/// A PNG file while it is read.
class Png {
  public:
    Png(const fs::path& file, const Bytes& bytes) : file_(file), image_() {
        image_.version = PNG_IMAGE_VERSION;
        if (png_image_begin_read_from_memory(&image_, bytes.data(), bytes.size()) == 0) refuse_damaged();
    }
    ~Png() { png_image_free(&image_); }
    Png(const Png&) = delete;
    Png& operator=(const Png&) = delete;

    png_uint_32 format() const { return image_.format; }

    /// `palette` takes the colors where the format has some.
    Raster read(png_uint_32 format, int channels, void* palette) {
        Raster raster = empty_raster(file_, image_.width, image_.height, channels);
        image_.format = format;
        const png_color black{};
        if (png_image_finish_read(&image_, &black, raster.values.data(), 0, palette) == 0) refuse_damaged();
        return raster;
    }

  private:
    [[noreturn]] void refuse_damaged() { refuse(file_, "is a damaged PNG file: " + std::string(image_.message)); }

    const fs::path& file_;
    png_image image_;
};

Raster read_jpeg(const fs::path& file, const Bytes& bytes) {
    const std::unique_ptr<void, int (*)(tjhandle)> decoder(tjInitDecompress(), tjDestroy);
    if (!decoder) refuse(file, "can't be read: out of memory");
    const auto refuse_damaged = [&] {
        refuse(file, "is a damaged JPEG file: " + std::string(tjGetErrorStr2(decoder.get())));
    };
    int width = 0, height = 0, subsampling = 0, colors = 0;
    const auto size = static_cast<unsigned long>(bytes.size());
    if (tjDecompressHeader3(decoder.get(), bytes.data(), size, &width, &height, &subsampling, &colors) != 0)
        refuse_damaged();
    Raster raster = empty_raster(file, width, height, 3);
    // The exact transform: the others give other numbers on other processors.
    if (tjDecompress2(decoder.get(), bytes.data(), size, raster.values.data(), width, 0, height, TJPF_RGB,
                      TJFLAG_ACCURATEDCT) != 0)
        refuse_damaged();
    return raster;
}

}  // namespace

Raster read_color_image(const fs::path& file) {
    const Bytes bytes = content(file);
    if (is_jpeg(bytes)) return read_jpeg(file, bytes);
    if (!is_png(bytes)) refuse(file, "is neither a PNG nor a JPEG file");
    return Png(file, bytes).read(PNG_FORMAT_RGB, 3, nullptr);
}

Raster read_label_image(const fs::path& file) {
    const Bytes bytes = content(file);
    if (!is_png(bytes)) refuse(file, "is no PNG file; JPEG would change the numbers of a mask");
    Png png(file, bytes);
    const bool palette = (png.format() & PNG_FORMAT_FLAG_COLORMAP) != 0;
    const bool gray = (png.format() & ~PNG_FORMAT_FLAG_COLORMAP) == PNG_FORMAT_GRAY;
    if (!palette && !gray)
        refuse(file,
               "holds colors or 16-bit numbers; a mask holds one number of up to 8 bits a pixel, gray or indices "
               "into a palette");
    // Gray, too, is read as indices: nothing scales or corrects them then.
    std::array<std::uint8_t, 3UL * 256> colors{};
    return png.read(PNG_FORMAT_RGB_COLORMAP, 1, colors.data());
}

}  // namespace normact::proxy_tasks
