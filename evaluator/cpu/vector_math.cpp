#include "evaluator/cpu/vector_math.h"

#include <array>
#include <limits>
#include <numbers>
#include <span>

namespace normact::evaluator::cpu {
namespace {

using Temporary = VectorAssembler::Temporary;
using TemporaryMask = VectorAssembler::TemporaryMask;

// ln 2 in two parts; the first has few bits, so that n·ln2_high is exact.
constexpr float ln2_high = 355.0F / 512, ln2_low = -2.12194440e-4F;
constexpr float infinity = std::numeric_limits<float>::infinity();

/// to = c[0]·z^k + c[1]·z^(k-1) + …
void emit_polynomial(VectorAssembler& a, Vector to, Vector z, std::span<const float> coefficients) {
    a.vmovaps(to, a.constant(coefficients[0]));
    for (const float coefficient : coefficients.subspan(1)) a.vfmadd213ps(to, z, a.constant(coefficient));
}

/// to = to·2^n for whole n in n's lanes, in two steps, so that subnormal results come out right. Overwrites n.
void emit_scale(VectorAssembler& a, Vector to, Vector n) {
    const Temporary half(a);
    a.vcvtps2dq(n, n);
    a.vpsrad(half, n, 1);
    a.vpsubd(n, n, half);
    for (const Vector power : {static_cast<Vector>(half), n}) {
        a.vpaddd(power, power, a.constant_bits(127));
        a.vpslld(power, power, 23);
        a.vmulps(to, to, power);
    }
}

/// to = 1 + exp(−x). Where that nears the largest number it is infinity.
void emit_one_plus_exp_of_minus(VectorAssembler& a, Vector to, Vector x) {
    const Temporary r(a), n(a), power(a);
    // Beyond these it is infinity or 1. The order of the operands lets NaN through.
    a.vmovaps(r, a.constant(87.0F));
    a.vminps(r, r, x);
    a.vmovaps(to, a.constant(-88.7F));
    a.vmaxps(r, to, r);
    // −x = n·ln 2 − r with whole n. Added to 1.5·2^23 it stands in the last bits, and with the 127 it is an exponent.
    constexpr float whole = 12582912.0F + 127.0F;
    a.vmovaps(power, a.constant(-std::numbers::log2e_v<float>));
    a.vfmadd213ps(power, r, a.constant(whole));
    a.vsubps(n, power, a.constant(whole));
    a.vpslld(power, power, 23);
    a.vfmadd231ps(r, n, a.constant(ln2_high));
    a.vfmadd231ps(r, n, a.constant(ln2_low));
    // exp(−r), the polynomial of least relative error on |r| ≤ ½ ln 2 (3e-9) among those that begin with 1 − r.
    constexpr std::array coefficients{1.38145394e-3F, -8.36874545e-3F, 4.1668389e-2F, -1.66665211e-1F,
                                      4.9999994e-1F,  -1.0F,           1.0F};
    emit_polynomial(a, to, r, coefficients);
    a.vfmadd213ps(to, power, a.constant(1.0F));
}

}  // namespace

void emit_exp(VectorAssembler& a, Vector to, Vector x) {
    const Temporary r(a), n(a);
    // Beyond these the result is infinity or 0. The order of the operands lets NaN through.
    a.vmovaps(r, a.constant(88.8F));
    a.vminps(r, r, x);
    a.vmovaps(to, a.constant(-104.0F));
    a.vmaxps(r, to, r);
    // x = n·ln 2 + r
    a.vmulps(n, r, a.constant(std::numbers::log2e_v<float>));
    a.round(n, n);
    a.vfnmadd231ps(r, n, a.constant(ln2_high));
    a.vfnmadd231ps(r, n, a.constant(ln2_low));
    constexpr std::array coefficients{1.9875691500e-4F, 1.3981999507e-3F, 8.3334519073e-3F,
                                      4.1665795894e-2F, 1.6666665459e-1F, 5.0000001201e-1F};
    emit_polynomial(a, to, r, coefficients);
    {
        const Temporary square(a);
        a.vmulps(square, r, r);
        a.vfmadd213ps(to, square, r);
    }
    a.vaddps(to, to, a.constant(1.0F));
    emit_scale(a, to, n);
}

void emit_sigmoid(VectorAssembler& a, Vector to, Vector x) {
    const Temporary denominator(a);
    emit_one_plus_exp_of_minus(a, denominator, x);
    a.vmovaps(to, a.constant(1.0F));
    a.vdivps(to, to, denominator);
}

void emit_tanh(VectorAssembler& a, Vector to, Vector x) {
    // 1 − 2/(e^2|x| + 1) with the sign of x …
    const Temporary large(a);
    a.vorps(to, x, a.constant_bits(0x80000000));
    a.vaddps(to, to, to);
    emit_one_plus_exp_of_minus(a, large, to);
    a.vmovaps(to, a.constant(2.0F));
    a.vdivps(large, to, large);
    a.vmovaps(to, a.constant(1.0F));
    a.vsubps(large, to, large);
    a.vandps(to, x, a.constant_bits(0x80000000));
    a.vorps(large, large, to);
    // … but a polynomial near 0, where that would cancel.
    const Temporary square(a);
    a.vmulps(square, x, x);
    constexpr std::array coefficients{-5.70498872745e-3F, 2.06390887954e-2F, -5.37397155531e-2F, 1.33314422036e-1F,
                                      -3.33332819422e-1F};
    emit_polynomial(a, to, square, coefficients);
    a.vmulps(square, square, x);
    a.vfmadd213ps(to, square, x);
    const TemporaryMask small(a);
    a.vandps(square, x, a.constant_bits(0x7fffffff));
    a.compare(small, square, a.constant(0.625F), less);
    a.select(to, small, to, large);
}

void emit_log(VectorAssembler& a, Vector to, Vector x) {
    const Temporary m(a), e(a);
    const TemporaryMask mask(a);
    // x = m·2^e with m in [√½, √2)
    a.compare(mask, x, a.constant(std::numeric_limits<float>::min()), less);
    a.vmulps(m, x, a.constant(8388608.0F));  // 2^23: subnormal numbers become normal ones
    a.select(m, mask, m, x);
    a.keep_where(e, mask, a.constant(23.0F));
    {
        const Temporary exponent(a);
        a.vpsrld(exponent, m, 23);
        a.vpsubd(exponent, exponent, a.constant_bits(126));
        a.vcvtdq2ps(exponent, exponent);
        a.vsubps(e, exponent, e);
    }
    a.vandps(m, m, a.constant_bits(0x007fffff));
    a.vorps(m, m, a.constant_bits(0x3f000000));
    a.compare(mask, m, a.constant(std::numbers::sqrt2_v<float> / 2), less);
    a.keep_where(to, mask, a.constant(1.0F));
    a.vsubps(e, e, to);
    a.keep_where(to, mask, m);
    a.vsubps(m, m, a.constant(1.0F));
    a.vaddps(m, m, to);
    // ln(1 + m) = m − m²/2 + m³·p(m)
    constexpr std::array coefficients{7.0376836292e-2F,  -1.1514610310e-1F, 1.1676998740e-1F,
                                      -1.2420140846e-1F, 1.4249322787e-1F,  -1.6668057665e-1F,
                                      2.0000714765e-1F,  -2.4999993993e-1F, 3.3333331174e-1F};
    emit_polynomial(a, to, m, coefficients);
    const Temporary square(a);
    a.vmulps(square, m, m);
    a.vmulps(to, to, m);
    a.vmulps(to, to, square);
    a.vfmadd231ps(to, e, a.constant(ln2_low));
    a.vfnmadd231ps(to, square, a.constant(0.5F));
    a.vaddps(to, to, m);
    a.vfmadd231ps(to, e, a.constant(ln2_high));
    // Infinity and NaN stay, 0 gives −infinity, what is below NaN.
    a.compare(mask, x, a.constant(infinity), not_less_or_nan);
    a.select(to, mask, x, to);
    a.compare(mask, x, a.constant(0.0F), less);
    a.select(to, mask, a.constant(std::numeric_limits<float>::quiet_NaN()), to);
    a.compare(mask, x, a.constant(0.0F), equal);
    a.select(to, mask, a.constant(-infinity), to);
}

}  // namespace normact::evaluator::cpu
