#include "evaluator/cuda/kernel_compiler.h"

#include <fmt/format.h>

#include <memory>
#include <stdexcept>

namespace normact::evaluator::cuda {
namespace {

/// Quotients and roots within 2 ulp, by instructions of the GPU; nothing else is inexact, denormals stay.
std::vector<std::string> options(int architecture, int major_version) {
    std::vector<std::string> all{fmt::format("--gpu-architecture=sm_{}", architecture), "--std=c++17",
                                 "--prec-div=false", "--prec-sqrt=false", "--disable-warnings"};
    if (major_version >= 13)
        all.emplace_back("--minimal");  // no features for headers: an empty kernel takes 24 ms instead of 28
    return all;
}

}  // namespace

Nvrtc::Nvrtc(const std::vector<std::string>& folders)
    : library_(
          "NVRTC, which compiles layers for GPUs, was not found. It comes with the CUDA toolkit 12 or 13, and with "
          "PyTorch for CUDA:",
          {"libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so"}, folders) {
    library_.find(version_, "nvrtcVersion");
    library_.find(error_string_, "nvrtcGetErrorString");
    library_.find(create_, "nvrtcCreateProgram");
    library_.find(destroy_, "nvrtcDestroyProgram");
    library_.find(compile_, "nvrtcCompileProgram");
    library_.find(log_size_, "nvrtcGetProgramLogSize");
    library_.find(log_, "nvrtcGetProgramLog");
    library_.find(cubin_size_, "nvrtcGetCUBINSize");
    library_.find(cubin_, "nvrtcGetCUBIN");
    // NVRTC asks for its other half by name alone, which the system finds in an installed toolkit, not beside NVRTC.
    check(version_(&major_version_, &minor_version_), "version");
    if (const std::string folder = library_.folder(); !folder.empty())
        builtins_.emplace("a part of NVRTC is missing:", std::vector{fmt::format("{}libnvrtc-builtins.so.{}.{}", folder,
                                                                                 major_version_, minor_version_)});
}

void Nvrtc::check(int status, const std::string& what) const {
    if (status != 0) throw std::runtime_error(fmt::format("NVRTC: {}: {}", error_string_(status), what));
}

std::string Nvrtc::identity(int architecture) const {
    return fmt::format("nvrtc {}.{} {}", major_version_, minor_version_,
                       fmt::join(options(architecture, major_version_), " "));
}

std::string Nvrtc::compile(const std::string& source, int architecture) const {
    Program program = nullptr;
    check(create_(&program, source.c_str(), "layer.cu", 0, nullptr, nullptr), "a new program");
    const std::unique_ptr<Program, int (*)(Program*)> keeper(&program, destroy_);
    const std::vector<std::string> texts = options(architecture, major_version_);
    std::vector<const char*> arguments;
    arguments.reserve(texts.size());
    for (const std::string& text : texts) arguments.push_back(text.c_str());
    const int status = compile_(program, static_cast<int>(arguments.size()), arguments.data());
    std::size_t size = 0;
    if (status != 0) {
        check(log_size_(program, &size), "the size of the log");
        std::string log(size, '\0');
        check(log_(program, log.data()), "the log");
        check(status, log);
    }
    check(cubin_size_(program, &size), "the size of the cubin");
    std::string cubin(size, '\0');
    check(cubin_(program, cubin.data()), "the cubin");
    return cubin;
}

}  // namespace normact::evaluator::cuda
