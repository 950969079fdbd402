#pragma once

#include "primitives/graph.h"

#include <string>
#include <vector>

namespace normact::evaluator {

/// What a tensor's numbers look like, and how much of their spread lies between channels and between images.
struct TensorStatistics {
    double mean, deviation;
    double between_channels;  ///< standard deviation of the channels' means
    double between_images;    ///< standard deviation of the images' means
};

/// What a layer does, in training, with normally distributed input and the parameters that networks start with, or
/// others.
struct Response {
    std::string label;       ///< what is special: "mean 2"
    double mean, deviation;  ///< of the input
    double v0, v1;
    std::vector<double> curve;  ///< the output of one element that takes each of response_points(), all else held still
    TensorStatistics before, after;
};

/// Inputs of one element, in units of the input's deviation from its mean: -4 to 4.
std::vector<double> response_points();

/// The layer's responses to input of mean 0 and deviation 1, of another mean, of another deviation, and, where its
/// output depends on them, to other v0 and v1. Equal layers give equal numbers. What is not finite stays so.
std::vector<Response> responses(const primitives::Layer& layer);

}  // namespace normact::evaluator
