#include "tools/layer_picture.h"

#include "primitives/drawing.h"
#include "tools/child_process.h"

namespace normact::tools {

std::string layer_picture(const primitives::Layer& layer) {
    if (!is_installed("dot")) {
        throw ChildProcessError(
            "drawing needs Graphviz's program dot, which is not installed: apt-get install graphviz. "
            "Without it: --format dot");
    }
    std::string picture = run_child_process({"dot", "-Tsvg"}, primitives::to_dot(layer));
    if (picture.find("<svg") == std::string::npos) throw ChildProcessError("dot has drawn nothing");
    return picture;
}

}  // namespace normact::tools
