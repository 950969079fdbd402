#include "evaluator/tensor_pool.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <new>
#include <sys/mman.h>

namespace normact::evaluator {
namespace {

/// Smaller tensors come from the allocator, which is quick with them.
constexpr std::size_t smallest_block = std::size_t{1} << 18;

/// Blocks are rounded up to large pages, and aligned to them.
constexpr std::size_t page = std::size_t{1} << 21;
constexpr std::align_val_t alignment{page};

}  // namespace

TensorPool::~TensorPool() {
    for (const auto& [size, block] : free_) ::operator delete(block, alignment);
}

at::Tensor TensorPool::empty_like(const at::Tensor& like) {
    if (!like.is_non_overlapping_and_dense()) return at::empty_like(like);
    return empty_dense(like.sizes(), like.strides(), like.nbytes(), like.options().requires_grad(false));
}

at::Tensor TensorPool::empty_doubles(std::int64_t count) {
    return empty_dense({count}, {1}, static_cast<std::size_t>(count) * sizeof(double), at::kDouble);
}

at::Tensor TensorPool::empty_dense(at::IntArrayRef sizes, at::IntArrayRef strides, std::size_t bytes,
                                   const at::TensorOptions& options) {
    if (bytes < smallest_block) return at::empty_strided(sizes, strides, options);
    const std::size_t size = (bytes + page - 1) / page * page;
    void* block = take(size);
    const auto give_back = [pool = shared_from_this(), size](void* dead) { pool->give_back(dead, size); };
    return at::from_blob(block, sizes, strides, give_back, options);
}

std::size_t TensorPool::free_bytes() const {
    const std::scoped_lock lock(mutex_);
    return free_bytes_;
}

void* TensorPool::take(std::size_t size) {
    const std::scoped_lock lock(mutex_);
    used_bytes_ += size;
    most_used_bytes_ = std::max(most_used_bytes_, used_bytes_);
    if (const auto found = free_.find(size); found != free_.end()) {
        void* block = found->second;
        free_.erase(found);
        free_bytes_ -= size;
        return block;
    }
    try {
        void* block = ::operator new(size, alignment);
        madvise(block, size, MADV_HUGEPAGE);  // only makes it faster
        return block;
    } catch (const std::bad_alloc&) {
        used_bytes_ -= size;
        throw;
    }
}

void TensorPool::give_back(void* block, std::size_t size) {
    const std::scoped_lock lock(mutex_);
    used_bytes_ -= size;
    free_.emplace(size, block);
    free_bytes_ += size;
    // Large blocks go first: they are the least likely to be wanted again.
    while (free_bytes_ + used_bytes_ > most_used_bytes_) {
        const auto largest = std::prev(free_.end());
        free_bytes_ -= largest->first;
        ::operator delete(largest->second, alignment);
        free_.erase(largest);
    }
}

}  // namespace normact::evaluator
