#include "proxy_tasks/folder_images.h"

#include "proxy_tasks/sample_images.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace normact::proxy_tasks {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using testing::ThrowsMessage;

/// The first pixel of each image, plus 1000 for each class.
std::vector<int> firsts(const Images& images) {
    std::vector<int> values;
    for (std::int64_t i = 0; i < images.pixels.size(0); ++i)
        values.push_back(images.pixels[i][0][0][0].item<int>() + 1000 * images.labels[i].item<int>());
    return values;
}

/// One color all over.
Raster plain(int side, std::uint8_t value, int channels) {
    return {side, side, channels, std::vector<std::uint8_t>(static_cast<std::size_t>(side * side * channels), value)};
}

class FolderImages : public testing::Test {
  protected:
    void image(const std::string& name, std::uint8_t value, int side = 8) const {
        fs::create_directories((folder_.path() / name).parent_path());
        write_png(folder_.path() / name, plain(side, value, 3), PNG_FORMAT_RGB);
    }
    void mask(const std::string& name, std::uint8_t value, int side = 8) const {
        fs::create_directories((folder_.path() / name).parent_path());
        write_png(folder_.path() / name, plain(side, value, 1), PNG_FORMAT_GRAY);
    }
    /// Two classes, five images each.
    void make_classes() const {
        for (int i = 0; i < 5; ++i) {
            image("train/cat/" + std::to_string(i) + ".png", static_cast<std::uint8_t>(10 + i));
            image("train/dog/" + std::to_string(i) + ".png", static_cast<std::uint8_t>(20 + i));
        }
        image("test/dog/0.png", 99);
    }
    void make_masks() const {
        for (int i = 0; i < 5; ++i) {
            image("train/images/" + std::to_string(i) + ".png", static_cast<std::uint8_t>(10 + i));
            mask("train/masks/" + std::to_string(i) + ".png", i == 0 ? uncounted : static_cast<std::uint8_t>(i % 3));
        }
        image("test/images/a.png", 1);
        mask("test/masks/a.png", 2);
        folder_.write("classes.txt", "ground\ntree\nhouse\n");
    }
    DatasetSettings settings(const char* name) const { return {.name = name, .folder = folder_.path().string()}; }

    template <class What>
    void expect_refusal(What load, const char* dataset, const std::string& said) const {
        EXPECT_THAT([&] { load(settings(dataset)); }, ThrowsMessage<DatasetError>(HasSubstr(said)));
    }

    SampleFolder folder_;
};

TEST_F(FolderImages, a_folder_is_a_class_and_each_fifth_image_validates) {
    make_classes();
    const Dataset data = load_dataset(settings("folder"));
    EXPECT_EQ(data.classes, 2);
    EXPECT_EQ(data.train.pixels.sizes(), (std::vector<std::int64_t>{8, 3, 8, 8}));
    EXPECT_EQ(firsts(data.train), (std::vector<int>{10, 11, 12, 13, 1020, 1021, 1022, 1023}));
    EXPECT_THAT(firsts(data.validation), testing::UnorderedElementsAre(14, 1024));
    EXPECT_EQ(firsts(load_test_images(settings("folder"))), std::vector<int>{1099});
}

TEST_F(FolderImages, the_first_held_out_images_are_of_all_classes_and_always_the_same) {
    for (int i = 0; i < 100; ++i) {
        const std::string name = std::to_string(100 + i) + ".png";
        image("train/cat/" + name, static_cast<std::uint8_t>(i));
        image("train/dog/" + name, static_cast<std::uint8_t>(100 + i));
        if (i % 5 == 4) image("test/cat/" + name, static_cast<std::uint8_t>(i));
        if (i % 5 == 4) image("test/dog/" + name, static_cast<std::uint8_t>(100 + i));
    }
    std::vector<int> all;  // by class: what the shuffle is given
    for (const int first : {0, 1100})
        for (int i = 4; i < 100; i += 5) all.push_back(first + i);
    const auto validation = firsts(load_dataset(settings("folder")).validation);
    const auto test = firsts(load_test_images(settings("folder")));
    for (const auto& values : {validation, test}) {
        EXPECT_THAT(values, testing::UnorderedElementsAreArray(all));
        const auto dogs = std::count_if(values.begin(), values.begin() + 20, [](int value) { return value >= 1000; });
        EXPECT_GE(dogs, 4) << "of 20, 10 on average with a deviation of 1.6";
        EXPECT_LE(dogs, 16);
    }
    EXPECT_EQ(firsts(load_dataset(settings("folder")).validation), validation);
    EXPECT_EQ(firsts(load_test_images(settings("folder"))), test);
}

TEST_F(FolderImages, folders_without_images_are_named) {
    make_classes();
    fs::remove_all(folder_.path() / "test/dog");
    expect_refusal(load_folder_test, "folder", "test holds no images");
    fs::create_directories(folder_.path() / "test/cat");
    expect_refusal(load_folder_test, "folder", "test/cat holds no images");
    fs::remove_all(folder_.path() / "train/cat");
    fs::create_directories(folder_.path() / "train/cat");
    expect_refusal(load_folder, "folder", "train/cat holds no images");
    fs::remove_all(folder_.path() / "train");
    fs::create_directories(folder_.path() / "train");
    expect_refusal(load_folder, "folder", "train must hold a folder for each of two or more classes");
    make_masks();
    fs::remove_all(folder_.path() / "test/images");
    fs::create_directories(folder_.path() / "test/images");
    expect_refusal(load_folder_masks_test, "folder-masks", "test/images holds no images");
}

TEST_F(FolderImages, masks_belong_to_the_images_of_their_names) {
    make_masks();
    const Dataset data = load_dataset(settings("folder-masks"));
    EXPECT_EQ(data.classes, 3);
    ASSERT_TRUE(data.train.have_masks());
    EXPECT_EQ(data.train.labels.sizes(), (std::vector<std::int64_t>{4, 8, 8}));
    EXPECT_EQ(data.train.labels[0][0][0].item<int>(), uncounted);
    EXPECT_EQ(data.train.labels[2][7][7].item<int>(), 2);
    EXPECT_EQ(data.validation.labels[0][3][3].item<int>(), 1);
    EXPECT_EQ(load_test_images(settings("folder-masks")).labels[0][0][0].item<int>(), 2);
}

TEST_F(FolderImages, wrong_folders_are_named_with_what_is_wrong) {
    EXPECT_THAT([] { load_folder({.name = "folder", .folder = ""}); },
                ThrowsMessage<DatasetError>(HasSubstr("scoring.dataset.folder")));
    expect_refusal(load_folder, "folder", "train can't be read");
    make_classes();
    image("test/bird/0.png", 1);
    expect_refusal(load_folder_test, "folder", "test/bird is none of the classes");
    folder_.write("train/notes.txt", "x");
    expect_refusal(load_folder, "folder", "train/notes.txt is no folder");
    fs::remove(folder_.path() / "train/notes.txt");
    folder_.write("train/cat/notes.txt", "x");
    expect_refusal(load_folder, "folder", "train/cat/notes.txt is no .png");
    fs::remove(folder_.path() / "train/cat/notes.txt");
    image("train/cat/1.png", 1, 9);
    expect_refusal(load_folder, "folder", "train/cat/1.png has 9×9 pixels, the first image 8×8");
    folder_.write("train/cat/1.png", "nothing");
    expect_refusal(load_folder, "folder", "train/cat/1.png is neither a PNG nor a JPEG file");
    fs::remove_all(folder_.path() / "train/dog");
    expect_refusal(load_folder, "folder", "two or more classes");
}

TEST_F(FolderImages, wrong_masks_are_named_with_what_is_wrong) {
    make_masks();
    mask("train/masks/3.png", 3);
    expect_refusal(load_folder_masks, "folder-masks",
                   "masks/3.png holds 3 at column 0, row 0, but classes.txt names 3");
    mask("train/masks/3.png", 0, 7);
    expect_refusal(load_folder_masks, "folder-masks", "masks/3.png has 7×7 pixels, its image 8×8");
    fs::remove(folder_.path() / "train/masks/3.png");
    expect_refusal(load_folder_masks, "folder-masks", "masks/3.png is missing");
    image("train/masks/3.png", 0);
    expect_refusal(load_folder_masks, "folder-masks", "masks/3.png holds colors");
    folder_.write("classes.txt", "all\n");
    expect_refusal(load_folder_masks, "folder-masks", "classes.txt names 1 classes");
    fs::remove(folder_.path() / "classes.txt");
    expect_refusal(load_folder_masks, "folder-masks", "classes.txt can't be opened");
}

}  // namespace
}  // namespace normact::proxy_tasks
