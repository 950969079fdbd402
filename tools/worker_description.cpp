#include "tools/worker_description.h"

#include "evaluator/engine.h"
#include "tools/build_identifier.h"
#include "tools/machine.h"

#include <fmt/format.h>

#include <array>
#include <unistd.h>

namespace normact::tools {
namespace {

std::string host_name() {
    std::array<char, 256> name{};
    return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "unknown";
}

/// What the engine runs on.
std::string device_of(const std::string& engine) {
    if (evaluator::find_engine(engine).device() == c10::DeviceType::CPU) return "cpu: " + processor_name();
    const std::vector<std::string> names = gpu_names();
    return "gpu: " + (names.empty() ? "unknown" : names.front());
}

}  // namespace

std::string build_description() {
    // The version is that of the headers, the identifier that of the library which really runs.
    return fmt::format("normact {} ({} {}), {}, LibTorch {} ({})", NORMACT_VERSION, NORMACT_BUILD_TYPE,
                       build_identifier(), NORMACT_COMPILER, NORMACT_LIBTORCH_VERSION,
                       build_identifier("libtorch_cpu.so"));
}

results::Worker describe_worker(const std::string& engine) {
    return {.host = host_name(),
            .process = getpid(),
            .device = device_of(engine),
            .engine = engine,
            .build = build_description()};
}

}  // namespace normact::tools
