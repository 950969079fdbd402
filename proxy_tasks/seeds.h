#pragma once

#include "primitives/generator.h"
#include "primitives/hash.h"

#include <cstdint>
#include <string>

namespace normact::proxy_tasks {

/// What all random numbers of one training come from.
struct Trial {
    std::uint64_t study_seed = 0;
    primitives::Hash128 layer;
    std::string task;  ///< "data set/anchor"
    int replicate = 0;
};

/// What the random numbers are for. Each use has a stream of its own, so that one that draws more shifts no other.
enum class Stream { initialization, batches, crops, stability, audit, latents, validation_latents };

/// The seed of a stream: the XXH3 hash of the trial and the stream's name. The same on every machine and in every
/// release.
std::uint64_t seed_of(const Trial& trial, Stream stream);

inline Generator generator_of(const Trial& trial, Stream stream) { return Generator(seed_of(trial, stream)); }

}  // namespace normact::proxy_tasks
