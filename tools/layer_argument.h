#pragma once

#include "primitives/catalogue.h"
#include "primitives/graph.h"
#include "proxy_tasks/settings.h"
#include "results/store.h"
#include "tools/command.h"

#include <optional>
#include <string>

namespace normact::tools {

/// A layer that a user named on the command line.
struct NamedLayer {
    primitives::Layer layer;                            ///< its name is never empty
    const primitives::CatalogueEntry* entry = nullptr;  ///< if it is one of the catalogue's
    std::optional<results::Candidate> candidate;        ///< if it is one of a study's
    std::string study;                                  ///< that study's file
};

/// What may be typed for a layer, with the names of the catalogue: a part of help texts.
std::string layer_help();

/// The layer that `word` names: a candidate's id (17 or #17, of the study that --study names), a name of the catalogue,
/// a file that ends in .json, or a text form. Throws UsageError if it is none of these, InvalidGraph for a wrong file.
NamedLayer read_layer(const std::string& word, const Arguments& arguments);

/// The layer as it is trained: one of the catalogue or a file whose groups or epsilon are not the usual ones keeps its
/// own, all others take those of the settings. Throws StoreError.
primitives::Layer trained_layer(const NamedLayer& named, const proxy_tasks::ScoringSettings& scoring);

}  // namespace normact::tools
