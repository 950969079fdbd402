#include "proxy_tasks/image_files.h"

#include "proxy_tasks/data_files.h"
#include "proxy_tasks/sample_images.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

namespace normact::proxy_tasks {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

class ImageFiles : public testing::Test {
  protected:
    SampleFolder folder_;

    std::filesystem::path at(const char* name) const { return folder_.path() / name; }
};

TEST_F(ImageFiles, a_png_is_read_as_it_was_written) {
    const Raster raster = some_colors(5, 3);
    write_png(at("a.png"), raster, PNG_FORMAT_RGB);
    const Raster again = read_color_image(at("a.png"));
    EXPECT_EQ(again.width, 5);
    EXPECT_EQ(again.height, 3);
    EXPECT_EQ(again.channels, 3);
    EXPECT_EQ(again.values, raster.values);
}

TEST_F(ImageFiles, a_jpeg_is_read_as_it_was_written_but_for_its_losses) {
    Raster smooth = some_colors(16, 8);
    for (std::size_t k = 0; k < smooth.values.size(); ++k) smooth.values[k] = static_cast<std::uint8_t>(k / 3 / 2);
    write_jpeg(at("a.dat"), smooth);  // the content tells the format, not the name
    const Raster again = read_color_image(at("a.dat"));
    EXPECT_EQ(again.width, 16);
    EXPECT_EQ(again.height, 8);
    for (std::size_t k = 0; k < smooth.values.size(); ++k) EXPECT_NEAR(again.values[k], smooth.values[k], 6) << k;
}

TEST_F(ImageFiles, a_gray_image_has_three_equal_channels) {
    write_png(at("gray.png"), {2, 1, 1, {7, 200}}, PNG_FORMAT_GRAY);
    EXPECT_EQ(read_color_image(at("gray.png")).values, (std::vector<std::uint8_t>{7, 7, 7, 200, 200, 200}));
}

TEST_F(ImageFiles, labels_are_the_numbers_of_the_file) {
    write_png(at("gray.png"), {3, 2, 1, {0, 1, 2, 3, 255, 4}}, PNG_FORMAT_GRAY);
    EXPECT_EQ(read_label_image(at("gray.png")).values, (std::vector<std::uint8_t>{0, 1, 2, 3, 255, 4}));
    write_png(at("palette.png"), {2, 2, 1, {2, 1, 0, 2}}, PNG_FORMAT_RGB_COLORMAP);
    EXPECT_EQ(read_label_image(at("palette.png")).values, (std::vector<std::uint8_t>{2, 1, 0, 2}));
}

TEST_F(ImageFiles, colors_are_no_labels) {
    write_png(at("color.png"), some_colors(4, 4), PNG_FORMAT_RGB);
    EXPECT_THAT([&] { read_label_image(at("color.png")); }, ThrowsMessage<DatasetError>(HasSubstr("holds colors")));
    write_jpeg(at("color.jpg"), some_colors(4, 4));
    EXPECT_THAT([&] { read_label_image(at("color.jpg")); }, ThrowsMessage<DatasetError>(HasSubstr("is no PNG file")));
}

TEST_F(ImageFiles, a_damaged_file_is_named_wherever_it_breaks_off) {
    write_png(at("whole.png"), some_colors(40, 40), PNG_FORMAT_RGB);
    write_jpeg(at("whole.jpg"), some_colors(40, 40));
    for (const char* name : {"whole.png", "whole.jpg"}) {
        const std::string bytes = folder_.content(name);
        for (std::size_t size = 0; size + 12 < bytes.size(); size += 97) {  // PNG's last 12 bytes are but a mark
            folder_.write("broken", bytes.substr(0, size));
            EXPECT_THAT([&] { read_color_image(at("broken")); }, ThrowsMessage<DatasetError>(HasSubstr("broken")))
                << name << " " << size;
        }
        folder_.write("broken", "x" + bytes);
        EXPECT_THAT([&] { read_color_image(at("broken")); }, ThrowsMessage<DatasetError>(HasSubstr("neither")));
    }
    EXPECT_THAT([&] { read_color_image(at("missing")); }, ThrowsMessage<DatasetError>(HasSubstr("can't be read")));
}

TEST_F(ImageFiles, changed_bytes_are_an_error_or_an_image_of_the_same_kind) {
    write_png(at("whole.png"), some_colors(16, 16), PNG_FORMAT_RGB);
    write_jpeg(at("whole.jpg"), some_colors(16, 16));
    for (const char* name : {"whole.png", "whole.jpg"}) {
        const std::string bytes = folder_.content(name);
        for (std::size_t place = 3; place < bytes.size(); place += 3) {
            std::string changed = bytes;
            changed[place] = static_cast<char>(changed[place] ^ 0x55);
            folder_.write("changed", changed);
            try {
                const Raster raster = read_color_image(at("changed"));
                EXPECT_EQ(raster.values.size(), static_cast<std::size_t>(raster.width) * raster.height * 3);
            } catch (const DatasetError& error) {
                EXPECT_THAT(error.what(), HasSubstr("changed"));
            }
        }
    }
}

TEST_F(ImageFiles, a_huge_image_is_refused) {
    write_png(at("wide.png"), some_colors(largest_image_side + 1, 1), PNG_FORMAT_RGB);
    EXPECT_THAT([&] { read_color_image(at("wide.png")); }, ThrowsMessage<DatasetError>(HasSubstr("2049×1 pixels")));
}

}  // namespace
}  // namespace normact::proxy_tasks
