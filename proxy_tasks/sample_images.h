#pragma once

#include "proxy_tasks/image_files.h"

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <png.h>
#include <stdexcept>
#include <string>
#include <turbojpeg.h>

// Image files for tests.
namespace normact::proxy_tasks {

/// A folder that is removed with everything in it.
class SampleFolder {
  public:
    SampleFolder() {
        std::string name = (std::filesystem::temp_directory_path() / "normact-images-XXXXXX").string();
        if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
        path_ = name;
    }
    ~SampleFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    SampleFolder(const SampleFolder&) = delete;
    SampleFolder& operator=(const SampleFolder&) = delete;

    const std::filesystem::path& path() const { return path_; }

    std::string content(const std::string& name) const {
        std::ifstream stream(path_ / name, std::ios::binary);
        return {std::istreambuf_iterator<char>(stream), {}};
    }
    void write(const std::string& name, const std::string& bytes) const {
        std::ofstream(path_ / name, std::ios::binary) << bytes;
    }

  private:
    std::filesystem::path path_;
};

inline Raster some_colors(int width, int height) {
    Raster raster{width, height, 3, {}};
    for (int k = 0; k < width * height * 3; ++k) raster.values.push_back(static_cast<std::uint8_t>(k * k % 251));
    return raster;
}

/// `format`: one of libpng's; indices into a palette of three colors with PNG_FORMAT_RGB_COLORMAP.
inline void write_png(const std::filesystem::path& file, const Raster& raster, png_uint_32 format) {
    png_image image{};
    image.version = PNG_IMAGE_VERSION;
    image.width = static_cast<png_uint_32>(raster.width);
    image.height = static_cast<png_uint_32>(raster.height);
    image.format = format;
    image.colormap_entries = 3;
    constexpr std::array<std::uint8_t, 9> colors{200, 0, 0, 0, 200, 0, 0, 0, 200};
    if (png_image_write_to_file(&image, file.c_str(), 0, raster.values.data(), 0, colors.data()) == 0)
        throw std::runtime_error(image.message);
}

inline void write_jpeg(const std::filesystem::path& file, const Raster& raster) {
    const tjhandle encoder = tjInitCompress();
    unsigned char* bytes = nullptr;
    unsigned long size = 0;
    tjCompress2(encoder, raster.values.data(), raster.width, 0, raster.height, TJPF_RGB, &bytes, &size, TJSAMP_444, 95,
                0);
    std::ofstream(file, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes), static_cast<std::streamsize>(size));
    tjFree(bytes);
    tjDestroy(encoder);
}

}  // namespace normact::proxy_tasks
