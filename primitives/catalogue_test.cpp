#include "primitives/catalogue.h"

#include "primitives/fingerprint.h"
#include "primitives/hash.h"
#include "primitives/json.h"
#include "primitives/text.h"

#include <gtest/gtest.h>

#include <map>

namespace normact::primitives {
namespace {

TEST(Catalogue, holds_the_layers_that_people_know) {
    for (const char* name : {"BN-ReLU", "BN-SiLU", "GN-ReLU", "GN-SiLU", "LN-ReLU", "IN-ReLU", "FRN-TLU", "BIN",
                             "EvoNorm-B0", "EvoNorm-B1", "EvoNorm-B2", "EvoNorm-S0", "EvoNorm-S1", "EvoNorm-S2", "DyT"})
        EXPECT_NE(find_in_catalogue(name), nullptr) << name;
    EXPECT_EQ(find_in_catalogue("evonorm-s0"), find_in_catalogue("EvoNorm-S0"));
    EXPECT_EQ(find_in_catalogue("BN"), find_in_catalogue("bn"));
    EXPECT_EQ(find_in_catalogue("EvoNorm"), nullptr);
    EXPECT_EQ(find_in_catalogue(""), nullptr);
}

TEST(Catalogue, entries_are_complete_and_valid) {
    for (const CatalogueEntry& entry : catalogue()) {
        EXPECT_EQ(find_in_catalogue(entry.name), &entry);
        EXPECT_EQ(entry.layer.name, entry.name);
        EXPECT_FALSE(entry.source.empty()) << entry.name;
        EXPECT_FALSE(entry.note.empty()) << entry.name;
        EXPECT_TRUE(probe(entry.layer.graph).is_valid()) << entry.name;
        EXPECT_EQ(parse_json(to_json(entry.layer)), entry.layer);
        EXPECT_EQ(hash(parse_text(to_text(entry.layer.graph))), hash(entry.layer.graph)) << entry.name;
    }
}

TEST(Catalogue, no_two_layers_are_the_same_function) {
    std::map<Hash128, std::string> names;
    for (const CatalogueEntry& entry : catalogue()) {
        const auto [found, is_new] = names.emplace(probe(entry.layer.graph).fingerprint, entry.name);
        EXPECT_TRUE(is_new) << entry.name << " and " << found->second;
    }
}

}  // namespace
}  // namespace normact::primitives
