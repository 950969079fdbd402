#include "evaluator/parallel.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/TensorIterator.h>

namespace normact::evaluator {

// at::parallel_for is a template that uses threads only where its caller is compiled with OpenMP, and then perhaps
// those of another runtime than LibTorch's. An iterator's loop is compiled in LibTorch: here one over a byte for each
// number.
void parallel_for(std::int64_t count, std::int64_t grain,
                  const std::function<void(std::int64_t begin, std::int64_t end)>& body) {
    if (count <= grain || at::get_num_threads() == 1) return body(0, count);
    at::Tensor numbers = at::empty({count}, at::kByte);
    auto iterator = at::TensorIterator::nullary_op(numbers);
    const char* const first = static_cast<const char*>(numbers.const_data_ptr());
    iterator.for_each(
        [&](char** data, const std::int64_t*, std::int64_t size, std::int64_t rows) {
            const std::int64_t begin = data[0] - first;
            body(begin, begin + size * rows);
        },
        grain);
}

ThreadsInUse::ThreadsInUse(int threads) : before_(at::get_num_threads()) { at::set_num_threads(threads); }
ThreadsInUse::~ThreadsInUse() { at::set_num_threads(before_); }

}  // namespace normact::evaluator
