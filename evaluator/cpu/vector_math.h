#pragma once

#include "evaluator/cpu/vector_assembler.h"

namespace normact::evaluator::cpu {

// Machine code for the functions that the processor has no instruction for. Each writes its result to `to`, which is
// none of the operands. Largest errors, measured over all of float32's range by vector_math_test: exp 1 ulp, log 1 ulp,
// sigmoid 2.5 ulp, tanh 1.5 ulp. Infinities and NaN are as the C library has them, subnormal results exact to the same
// bound but those of sigmoid below 2^-127, which are 0. Polynomials are those of Cephes (Moshier, expf, logf, tanhf)
// where nothing else is said.

void emit_exp(VectorAssembler& assembler, Vector to, Vector x);
void emit_log(VectorAssembler& assembler, Vector to, Vector x);
void emit_sigmoid(VectorAssembler& assembler, Vector to, Vector x);
void emit_tanh(VectorAssembler& assembler, Vector to, Vector x);

}  // namespace normact::evaluator::cpu
