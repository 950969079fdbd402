// Any bytes as a text form: either InvalidGraph, or a well-formed graph that prints and reads back as itself.

#include "primitives/canonical.h"
#include "primitives/drawing.h"
#include "primitives/text.h"

#include <cstdint>
#include <cstdlib>

using namespace normact::primitives;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    LayerGraph graph;
    try {
        graph = parse_text({reinterpret_cast<const char*>(data), size});
    } catch (const InvalidGraph&) {
        return 0;
    }
    validate(graph);
    const std::string text = to_text(graph);
    const LayerGraph again = parse_text(text);
    if (to_text(again) != text) std::abort();
    const LayerGraph simple = canonical(graph);
    if (canonical(again) != simple || canonical(simple) != simple) std::abort();
    to_latex(graph);
    return 0;
}
