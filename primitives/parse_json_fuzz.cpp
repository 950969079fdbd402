// Any bytes as a layer file: either InvalidGraph, or a well-formed layer that prints and reads back as itself.

#include "primitives/canonical.h"
#include "primitives/drawing.h"
#include "primitives/json.h"
#include "primitives/text.h"

#include <cstdint>
#include <cstdlib>

using namespace normact::primitives;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Layer layer;
    try {
        layer = parse_json({reinterpret_cast<const char*>(data), size});
    } catch (const InvalidGraph&) {
        return 0;
    }
    validate(layer.graph);
    if (parse_json(to_json(layer)) != layer) std::abort();
    if (canonical(parse_text(to_text(layer.graph))) != canonical(layer.graph)) std::abort();
    to_dot(layer);
    return 0;
}
