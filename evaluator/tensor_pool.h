#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>

namespace normact::evaluator {

/// Memory for large tensors, taken back when they die and given out again: most allocators return such blocks to the
/// system, and then a layer spends more time on the faults of fresh pages than on its sums. Keeps no more than was in
/// use at once. Safe from several threads; tensors may outlive it.
class TensorPool : public std::enable_shared_from_this<TensorPool> {
  public:
    static std::shared_ptr<TensorPool> make() { return std::shared_ptr<TensorPool>(new TensorPool); }
    ~TensorPool();
    TensorPool(const TensorPool&) = delete;
    TensorPool& operator=(const TensorPool&) = delete;

    /// A tensor of the shape, type and memory format of `like`, its elements undefined.
    at::Tensor empty_like(const at::Tensor& like);
    /// So many numbers in double, undefined.
    at::Tensor empty_doubles(std::int64_t count);

    /// How much memory waits to be given out, in bytes.
    std::size_t free_bytes() const;

  private:
    TensorPool() = default;
    at::Tensor empty_dense(at::IntArrayRef sizes, at::IntArrayRef strides, std::size_t bytes,
                           const at::TensorOptions& options);
    void* take(std::size_t size);
    void give_back(void* block, std::size_t size);

    mutable std::mutex mutex_;
    std::multimap<std::size_t, void*> free_;  // by size
    std::size_t free_bytes_ = 0, used_bytes_ = 0, most_used_bytes_ = 0;
};

}  // namespace normact::evaluator
