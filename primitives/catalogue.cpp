#include "primitives/catalogue.h"

#include "primitives/text.h"

#include <algorithm>
#include <vector>

namespace normact::primitives {
namespace {

struct Row {
    std::string_view name, text, source, note;
    LayerSettings settings = {};
};

constexpr std::string_view inner_affine =
    "v1 and v0 are the affine parameters of the normalization; the outer gamma and beta come on top.";
constexpr std::string_view outer_affine = "The outer gamma and beta are those of the source.";
constexpr std::string_view evonorm = "Liu et al. 2020, Evolving Normalization-Activation Layers, arXiv 2004.02967";

constexpr std::array layers{
    Row{"ReLU", "max(x, 0)", "Nair & Hinton 2010, Rectified Linear Units Improve Restricted Boltzmann Machines",
        "The source has no affine."},
    Row{"SiLU", "x*sigmoid(x)", "Elfwing et al. 2017, arXiv 1702.03118", "The source has no affine."},
    Row{"Swish", "x*sigmoid(v1*x)", "Ramachandran et al. 2017, Searching for Activation Functions, arXiv 1710.05941",
        "v1 is the trainable beta of the source, one a channel. The source has no affine."},
    Row{"BN", "(x - mean_batch(x))/std_batch(x)", "Ioffe & Szegedy 2015, Batch Normalization, arXiv 1502.03167",
        outer_affine},
    Row{"BN-ReLU", "max(v1*(x - mean_batch(x))/std_batch(x) + v0, 0)",
        "Ioffe & Szegedy 2015, Batch Normalization, arXiv 1502.03167", inner_affine},
    Row{"BN-SiLU", "n = v1*(x - mean_batch(x))/std_batch(x) + v0; n*sigmoid(n)",
        "Tan & Le 2019, EfficientNet, arXiv 1905.11946", inner_affine},
    Row{"GN", "(x - mean_group(x))/std_group(x)", "Wu & He 2018, Group Normalization, arXiv 1803.08494", outer_affine},
    Row{"GN-ReLU", "max(v1*(x - mean_group(x))/std_group(x) + v0, 0)",
        "Wu & He 2018, Group Normalization, arXiv 1803.08494", inner_affine},
    Row{"GN-SiLU", "n = v1*(x - mean_group(x))/std_group(x) + v0; n*sigmoid(n)",
        "Wu & He 2018, Group Normalization, arXiv 1803.08494", inner_affine},
    Row{"LN", "(x - mean_layer(x))/std_layer(x)", "Ba et al. 2016, Layer Normalization, arXiv 1607.06450",
        "Over channels and pixels of an image. The affine is one a channel, as in a group normalization of one group."},
    Row{"LN-ReLU", "max(v1*(x - mean_layer(x))/std_layer(x) + v0, 0)",
        "Ba et al. 2016, Layer Normalization, arXiv 1607.06450", inner_affine},
    Row{"IN", "(x - mean_instance(x))/std_instance(x)", "Ulyanov et al. 2016, Instance Normalization, arXiv 1607.08022",
        outer_affine},
    Row{"IN-ReLU", "max(v1*(x - mean_instance(x))/std_instance(x) + v0, 0)",
        "Ulyanov et al. 2016, Instance Normalization, arXiv 1607.08022", inner_affine},
    Row{"RMSNorm", "x/rms_layer(x)", "Zhang & Sennrich 2019, Root Mean Square Layer Normalization, arXiv 1910.07467",
        "Over channels and pixels of an image; the source has no beta."},
    Row{"RMS-ReLU", "max(x, 0)/rms_batch(x)", evonorm, "Found there by random search with rejection."},
    Row{"FRN-TLU",
        "max(v1*x/rms_instance(x), v0)",
        "Singh & Krishnan 2019, Filter Response Normalization Layer, arXiv 1911.09737",
        "max(gamma*n + beta, tau) = max(gamma*n, tau - beta) + beta: v1 is the source's gamma, v0 its tau - beta, the "
        "outer beta its beta; the outer gamma comes on top. Epsilon is 1e-6.",
        {.groups = LayerSettings{}.groups, .epsilon = 1e-6}},
    Row{"BIN", "b = (x - mean_batch(x))/std_batch(x); i = (x - mean_instance(x))/std_instance(x); i + v1*(b - i)",
        "Nam & Kim 2018, Batch-Instance Normalization, arXiv 1805.07925",
        "v1 is the source's gate rho, which is clipped to [0, 1] there and free here. The outer gamma and beta are "
        "those of the source."},
    Row{"BIN-ReLU",
        "b = (x - mean_batch(x))/std_batch(x); i = (x - mean_instance(x))/std_instance(x); "
        "max(i + v1*(b - i) + v0, 0)",
        "Nam & Kim 2018, Batch-Instance Normalization, arXiv 1805.07925",
        "As BIN; for gamma > 0, max(gamma*n + beta, 0) = gamma*max(n + beta/gamma, 0): v0 is the source's beta/gamma "
        "and the outer gamma its gamma. The outer beta comes on top."},
    Row{"EvoNorm-B0", "x/max(std_batch(x), v1*x + std_instance(x))", evonorm, outer_affine},
    Row{"EvoNorm-B1", "x/max(std_batch(x), (x + exp(0))*rms_instance(x))", evonorm,
        "exp(0) is the source's 1. The outer gamma and beta are those of the source."},
    Row{"EvoNorm-B2", "x/max(std_batch(x), rms_instance(x) - x)", evonorm, outer_affine},
    Row{"EvoNorm-S0", "x*sigmoid(v1*x)/std_group(x)", evonorm, outer_affine},
    Row{"EvoNorm-S1", "x*sigmoid(x)/std_group(x)", evonorm, outer_affine},
    Row{"EvoNorm-S2", "x*sigmoid(x)/rms_group(x)", evonorm, outer_affine},
    Row{"DyT", "tanh(v1*x)", "Zhu et al. 2025, Transformers without Normalization, arXiv 2503.10622",
        "v1 is the source's alpha, one a channel that starts at 1, where the source has one for all that starts at "
        "0.5."},
};

std::vector<CatalogueEntry> make_catalogue() {
    std::vector<CatalogueEntry> entries;
    entries.reserve(layers.size());
    for (const Row& row : layers)
        entries.push_back({.name = std::string(row.name),
                           .text = std::string(row.text),
                           .source = std::string(row.source),
                           .note = std::string(row.note),
                           .layer = {std::string(row.name), parse_text(row.text), row.settings}});
    return entries;
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

}  // namespace

std::span<const CatalogueEntry> catalogue() {
    static const std::vector<CatalogueEntry> entries = make_catalogue();
    return entries;
}

const CatalogueEntry* find_in_catalogue(std::string_view name) {
    for (const CatalogueEntry& entry : catalogue())
        if (std::ranges::equal(entry.name, name, {}, lower, lower)) return &entry;
    return nullptr;
}

std::vector<std::string> catalogue_names() {
    std::vector<std::string> names;
    names.reserve(catalogue().size());
    for (const CatalogueEntry& entry : catalogue()) names.push_back(entry.name);
    return names;
}

}  // namespace normact::primitives
