#pragma once

#include <ATen/ops/empty_like.h>

namespace normact::proxy_tasks {

/// A parameter's gradient in the parameter's own strides, so that an optimizer can walk their arrays side by side;
/// undefined if it has none.
inline at::Tensor gradient_in_strides_of(const at::Tensor& parameter) {
    const at::Tensor& gradient = parameter.grad();
    if (!gradient.defined() || gradient.strides() == parameter.strides()) return gradient;
    return at::empty_like(parameter).copy_(gradient);
}

}  // namespace normact::proxy_tasks
