#include "evaluator/cuda/shared_library.h"

#include <dlfcn.h>
#include <stdexcept>

namespace normact::evaluator::cuda {

SharedLibrary::SharedLibrary(const std::string& what, const std::vector<std::string>& names,
                             const std::vector<std::string>& folders) {
    std::string reasons;
    const auto open = [&](const std::string& path) {
        if (handle_ != nullptr) return;
        handle_ = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
        if (handle_ == nullptr)
            reasons.append("\n  ").append(dlerror());
        else
            name_ = path;
    };
    for (const std::string& name : names) {
        for (const std::string& folder : folders) open(folder + "/" + name);
        open(name);
    }
    if (handle_ == nullptr) throw std::runtime_error(what + reasons);
}

std::string SharedLibrary::folder() const { return name_.substr(0, name_.rfind('/') + 1); }

void* SharedLibrary::find(const char* name) const {
    void* const found = dlsym(handle_, name);
    if (found == nullptr) throw std::runtime_error(name_ + " has no function " + name);
    return found;
}

}  // namespace normact::evaluator::cuda
