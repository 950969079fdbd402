#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

// What this machine is, as far as it matters to a search.
namespace normact::tools {

std::string processor_name();
/// The models of NVIDIA's GPUs here, as their driver tells them in a folder like /proc/driver/nvidia/gpus.
std::vector<std::string> gpu_names(const std::string& folder = "/proc/driver/nvidia/gpus");
/// The cores that this process may use: those that it may run on, or fewer where its control group grants less time,
/// as containers do. `quota_file` is the group's cpu.max.
int available_cores(const std::string& quota_file = "/sys/fs/cgroup/cpu.max");
/// The vector instructions of this processor that kernels make use of, oldest first: "avx2", "avx512f".
std::vector<std::string> vector_extensions();

struct Memory {
    std::uint64_t total_bytes = 0;
    std::uint64_t available_bytes = 0;
};
Memory memory();

/// Free space for this user where the path lies (a folder); nothing if it can't be told.
std::optional<std::uint64_t> free_disk_bytes(const std::string& folder);

/// The memory allocator that really serves this process.
struct Allocator {
    std::string name;          ///< "jemalloc 5.3.0" or "the C library's"
    bool keeps_pages = false;  ///< from one training step to the next: worth up to 3x
};
Allocator allocator();

}  // namespace normact::tools
