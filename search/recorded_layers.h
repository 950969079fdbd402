#pragma once

#include "primitives/hash.h"
#include "primitives/space.h"
#include "results/store.h"
#include "search/configuration.h"

#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace normact::search {

/// What is known of a layer's function.
struct Record {
    std::string layer;               ///< text form
    std::vector<double> accuracies;  ///< in [0,1], in the order of the tasks; empty if it was rejected

    bool operator==(const Record&) const = default;
};

/// Layers with what became of them, for a search without training.
struct RecordedLayers {
    std::vector<std::string> tasks;                 ///< "data set/anchor"
    primitives::Space space;                        ///< from which the layers were drawn
    std::map<primitives::Hash128, Record> records;  ///< by fingerprint

    bool operator==(const RecordedLayers&) const = default;
};

/// A table that can't be used: the message names the line and says what is wrong with it.
class TableError : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

/// Every function that a study has scored or rejected after training; audited layers count as rejected. Throws
/// StoreError, also for scores that are not one finite accuracy for each task.
RecordedLayers recorded_layers(results::Store& store, const Configuration& configuration);

/// A table as a file holds it: JSON lines, the first one with the format, the tasks and the space, then one a layer, as
/// in
/// {"layer": "x/std_batch(x)", "accuracies": [0.31]} or {"layer": "x*v0"} for a rejected one. Ordered by text form.
std::string to_table(const RecordedLayers& layers);
/// Throws TableError.
RecordedLayers parse_table(std::string_view text);

}  // namespace normact::search
