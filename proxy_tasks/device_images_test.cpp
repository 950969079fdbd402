#include "proxy_tasks/device_images.h"

#include "primitives/generator.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace normact::proxy_tasks {
namespace {

/// Every place of a crop, also beyond the edges, mirrored or not.
TEST(DeviceImages, are_cut_as_on_the_cpu) {
    const Dataset dataset = load_dataset({.name = "synthetic", .folder = ""});
    const DeviceDataset data = on_device(dataset, at::kCPU);
    for (const int side : {24, 32}) {
        std::vector<Cut> cuts;
        for (int top = -4; top <= 12; top += 2)
            for (int left = -4; left <= 12; left += 3)
                for (const bool mirrored : {false, true})
                    cuts.push_back({static_cast<std::int64_t>(cuts.size()) * 7, top, left, mirrored});
        const auto count = static_cast<std::int64_t>(cuts.size());
        Batch wanted{at::empty({count, 3, side, side}, at::TensorOptions(at::kFloat), at::MemoryFormat::ChannelsLast),
                     at::empty({count}, at::kLong)};
        write_cuts(dataset, dataset.train, cuts, side, wanted);
        const Batch found = cut_on_device(data, data.train, as_tensor(cuts), side);
        EXPECT_TRUE(found.images.is_contiguous(at::MemoryFormat::ChannelsLast));
        EXPECT_TRUE(found.images.allclose(wanted.images, 1e-6, 1e-6)) << side;
        EXPECT_TRUE(found.labels.equal(wanted.labels));
    }
}

}  // namespace
}  // namespace normact::proxy_tasks
