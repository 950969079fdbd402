#pragma once

#include "search/configuration.h"

#include <optional>
#include <string>
#include <vector>

namespace normact::tools {

/// Under what layers are trained in a re-evaluation: one network, batch size and optimizer.
struct Condition {
    std::string anchor;  ///< as it was asked for: a name, or NAME@DATASET
    int batch = 0;
    std::string optimizer;        ///< sgd, adamw; "adam" of generators, which have their own
    bool on_test_images = false;  ///< judged on the real test set instead of validation images
    std::string measure = "accuracy";
    search::Configuration configuration;  ///< with this one anchor, and neither filters
    std::string text;                     ///< all that decides a value, in canonical form: what trials are kept under
};

/// What is varied; an empty list stands for what the configuration has.
struct Variations {
    std::vector<std::string> anchors;  ///< NAME, or NAME@DATASET for another data set than the configuration's
    std::vector<int> batch_sizes;
    std::vector<proxy_tasks::Optimizer> optimizers;
};

/// Every anchor with every batch size and every optimizer. All see as many training images: the steps are in inverse
/// proportion to the batch. The learning rate grows with the batch, for SGD in proportion (arXiv 1706.02677), for AdamW
/// with its root (arXiv 2205.10287). Another optimizer than the configuration's has the weight decay that is usual with
/// it, and AdamW a hundredth of SGD's rate. Throws UsageError for what can't be trained.
std::vector<Condition> make_conditions(const search::Configuration& configuration, const Variations& variations,
                                       bool on_test_images);

/// The name of an anchor without its data set.
std::string anchor_name(const std::string& anchor);

/// "resnet-tiny", with the batch size and the optimizer: "resnet-tiny, batch 16, adamw".
std::string long_name(const Condition& condition);
/// The same without what all of the conditions share.
std::string short_name(const Condition& condition, const std::vector<Condition>& conditions);

}  // namespace normact::tools
