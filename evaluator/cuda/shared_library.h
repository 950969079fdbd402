#pragma once

#include <string>
#include <vector>

namespace normact::evaluator::cuda {

/// A library opened while the program runs, so that the program starts where it is missing. It stays open to the
/// program's end, when other libraries of the GPU still call it.
class SharedLibrary {
  public:
    /// The first of `names` that is found in one of `folders`, or where the system looks. Throws std::runtime_error
    /// that begins with `what` if there is none.
    SharedLibrary(const std::string& what, const std::vector<std::string>& names,
                  const std::vector<std::string>& folders = {});
    /// The folder that it was found in; empty if the system found it.
    std::string folder() const;

    /// Sets a pointer to the function of this name. Throws std::runtime_error if the library has none.
    template <typename Function>
    void find(Function*& function, const char* name) const {
        function = reinterpret_cast<Function*>(find(name));
    }

  private:
    void* find(const char* name) const;

    std::string name_;
    void* handle_ = nullptr;
};

}  // namespace normact::evaluator::cuda
