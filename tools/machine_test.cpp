#include "tools/machine.h"

#include "primitives/temporary_folder.h"
#include "tools/output_file.h"

#include <gtest/gtest.h>

#include <sched.h>

namespace normact::tools {
namespace {

int cores_with_quota(const std::string& quota) {
    const TemporaryFolder folder;
    replace_text_file(folder.file("cpu.max"), quota);
    return available_cores(folder.file("cpu.max"));
}

TEST(AvailableCores, are_no_more_than_the_control_group_grants) {
    const int all = available_cores("/nowhere");
    EXPECT_EQ(cores_with_quota("max 100000\n"), all);
    EXPECT_EQ(cores_with_quota("100000000 100000\n"), all);
    EXPECT_EQ(cores_with_quota("50000 100000\n"), 1);
    EXPECT_EQ(cores_with_quota("150000 100000\n"), std::min(all, 2)) << "a started core counts";
    for (const char* nonsense : {"", "x", "100000", "0 0", "-1 100000"}) EXPECT_EQ(cores_with_quota(nonsense), all);
}

TEST(AvailableCores, are_those_that_the_process_may_run_on) {
    cpu_set_t before;
    ASSERT_EQ(sched_getaffinity(0, sizeof before, &before), 0);
    cpu_set_t one;
    CPU_ZERO(&one);
    for (int core = 0; CPU_COUNT(&one) == 0; ++core)
        if (CPU_ISSET(core, &before)) CPU_SET(core, &one);
    ASSERT_EQ(sched_setaffinity(0, sizeof one, &one), 0);
    EXPECT_EQ(available_cores("/nowhere"), 1);
    sched_setaffinity(0, sizeof before, &before);
}

TEST(GpuNames, are_those_that_the_driver_tells) {
    const TemporaryFolder folder;
    EXPECT_TRUE(gpu_names(folder.file("nowhere")).empty());
    std::filesystem::create_directories(folder.path() / "0000:01:00.0");
    std::filesystem::create_directories(folder.path() / "0000:02:00.0");
    replace_text_file(folder.file("0000:01:00.0/information"), "Model: \t\t NVIDIA H200\nIRQ:   \t\t 44\n");
    EXPECT_EQ(gpu_names(folder.path()), (std::vector<std::string>{"NVIDIA H200", "unknown"}));
}

}  // namespace
}  // namespace normact::tools
