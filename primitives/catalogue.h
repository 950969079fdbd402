#pragma once

#include "primitives/graph.h"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace normact::primitives {

/// A layer that people know, with where it comes from and in what it differs from its source, if it does.
struct CatalogueEntry {
    std::string name;
    std::string text;    ///< its text form, as a person would write it
    std::string source;  ///< paper or implementation
    std::string note;    ///< how the outer affine and the trainable v0, v1 play the source's parameters; may be empty
    Layer layer;
};

std::span<const CatalogueEntry> catalogue();
/// The entry with this name, letter case ignored; null if there is none.
const CatalogueEntry* find_in_catalogue(std::string_view name);
std::vector<std::string> catalogue_names();

}  // namespace normact::primitives
