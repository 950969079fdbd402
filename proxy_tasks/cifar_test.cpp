#include "proxy_tasks/cifar.h"

#include "primitives/temporary_folder.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/bincount.h>
#include <ATen/ops/empty.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

namespace normact::proxy_tasks {
namespace {
namespace fs = std::filesystem;
using testing::HasSubstr;

/// A record whose pixels count up, so that their order shows.
Bytes record(std::initializer_list<std::uint8_t> labels) {
    Bytes bytes(labels);
    for (int i = 0; i < 3072; ++i) bytes.push_back(static_cast<std::uint8_t>(i % 251));
    return bytes;
}

Images room_for(std::int64_t count) {
    return {at::empty({count, 3, 32, 32}, at::kByte), at::empty({count}, at::kLong)};
}

template <class Call>
std::string error_of(Call call) {
    try {
        call();
    } catch (const DatasetError& error) {
        return error.what();
    }
    return "nothing was wrong";
}

/// A file of zeros with the right size: label 0, black. It takes no room on the disk.
void write_zeros(const fs::path& folder, const DataFile& file) {
    fs::create_directories(folder);
    std::ofstream(folder / file.name).close();
    fs::resize_file(folder / file.name, file.size);
}

void write_start(const fs::path& file, const Bytes& bytes) {
    std::ofstream stream(file, std::ios::binary | std::ios::in);  // `in`: the rest stays
    stream.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

class CifarFiles : public testing::Test {
  protected:
    const TemporaryFolder temporary;
    const fs::path folder = temporary.path();
    const DatasetSettings settings{.name = "cifar-100", .folder = folder};
};

TEST(Cifar, records_hold_a_label_and_then_the_planes_of_red_green_and_blue) {
    auto images = room_for(2);
    unpack_cifar(cifar_10(), record({7}), "file", images, 1);
    EXPECT_EQ(images.labels[1].item<int>(), 7);
    const auto expect_pixel = [&](int c, int y, int x) {
        EXPECT_EQ(images.pixels[1][c][y][x].item<int>(), (c * 1024 + y * 32 + x) % 251);
    };
    expect_pixel(0, 0, 0);
    expect_pixel(0, 0, 1);
    expect_pixel(0, 1, 0);
    expect_pixel(1, 0, 0);
    expect_pixel(2, 31, 31);
}

TEST(Cifar, the_fine_label_of_cifar_100_counts) {
    auto images = room_for(1);
    unpack_cifar(cifar_100(), record({19, 99}), "file", images, 0);
    EXPECT_EQ(images.labels[0].item<int>(), 99);
    EXPECT_EQ(images.pixels[0][0][0][1].item<int>(), 1);
}

TEST(Cifar, labels_out_of_range_are_named_with_file_and_record) {
    auto images = room_for(2);
    auto two = record({3});
    for (const auto byte : record({10})) two.push_back(byte);
    const auto error = error_of([&] { unpack_cifar(cifar_10(), two, "batch.bin", images, 0); });
    EXPECT_THAT(error, HasSubstr("batch.bin"));
    EXPECT_THAT(error, HasSubstr("record 1"));
    EXPECT_THAT(error_of([&] {
                    unpack_cifar(cifar_100(), record({20, 5}), "batch.bin", images, 0);
                }),
                HasSubstr("label 20"));
    EXPECT_THAT(error_of([&] {
                    unpack_cifar(cifar_100(), record({19, 100}), "batch.bin", images, 0);
                }),
                HasSubstr("label 100"));
}

TEST(Cifar, half_a_record_is_an_error) {
    auto images = room_for(1);
    auto bytes = record({1});
    bytes.pop_back();
    EXPECT_THAT(error_of([&] { unpack_cifar(cifar_10(), bytes, "file", images, 0); }), HasSubstr("records"));
}

TEST_F(CifarFiles, of_the_right_size_load_without_the_test_file_being_there) {
    const DataFile& file = cifar_100().train[0];
    write_zeros(folder / "cifar-100-binary", file);
    write_start(folder / "cifar-100-binary" / file.name, record({19, 99}));  // all black would be refused
    const auto dataset = load_dataset(settings);
    EXPECT_EQ(dataset.name, "cifar-100");
    EXPECT_EQ(dataset.classes, 100);
    EXPECT_EQ(dataset.train.pixels.sizes(), (std::vector<std::int64_t>{40000, 3, 32, 32}));
    EXPECT_EQ(dataset.validation.pixels.sizes(), (std::vector<std::int64_t>{10000, 3, 32, 32}));
    EXPECT_THAT(error_of([&] { load_test_images(settings); }), HasSubstr("test.bin is missing"));
}

TEST_F(CifarFiles, of_the_right_size_but_with_other_bytes_are_named_damaged) {
    for (const auto& file : cifar_10().train) write_zeros(folder, file);
    const auto error = error_of([&] { load_dataset({.name = "cifar-10", .folder = folder}); });
    EXPECT_THAT(error, HasSubstr((folder / "data_batch_1.bin").string()));
    EXPECT_THAT(error, HasSubstr("damaged"));
    EXPECT_THAT(error, HasSubstr("tools/fetch-cifar10"));
}

TEST(RealCifar10, has_the_last_batch_as_validation_images) {
    const DatasetSettings settings{.name = "cifar-10", .folder = ""};
    fs::path folder;
    try {
        folder = find_data(cifar_10().source, settings);
    } catch (const DatasetError& error) {
        GTEST_SKIP() << error.what();
    }
    const auto dataset = load_dataset(settings);
    EXPECT_EQ(dataset.train.labels.size(0), 40000);
    EXPECT_EQ(dataset.validation.labels.size(0), 10000);
    EXPECT_EQ(load_test_images(settings).labels.size(0), 10000);
    auto fifth = room_for(10000);
    unpack_cifar(cifar_10(), read_checked(folder, cifar_10().train[4], cifar_10().source), "fifth", fifth, 0);
    EXPECT_TRUE(dataset.validation.pixels.equal(fifth.pixels));
    EXPECT_TRUE(dataset.validation.labels.equal(fifth.labels));
    EXPECT_TRUE((at::bincount(dataset.train.labels) > 3900).all().item<bool>());
    // The well-known values of all 50,000 training images are .4914 .4822 .4465 and .2470 .2435 .2616.
    const std::vector<double> mean{0.4914, 0.4822, 0.4465}, deviation{0.2470, 0.2435, 0.2616};
    for (int c = 0; c < 3; ++c) {
        EXPECT_NEAR(dataset.mean[c], mean[c], 0.002);
        EXPECT_NEAR(dataset.deviation[c], deviation[c], 0.002);
    }
}

}  // namespace
}  // namespace normact::proxy_tasks
