// For schema_test.py, which compares the published JSON Schema with what the program prints and reads.
//
//     layer_files print    the catalogue and some random graphs, each a JSON text on a line of its own
//     layer_files read     for each line of the input, "ok" or what is wrong with it

#include "primitives/catalogue.h"
#include "primitives/json.h"
#include "primitives/space.h"

#include <algorithm>
#include <iostream>
#include <string>
#include <string_view>

using namespace normact;
using namespace normact::primitives;

namespace {

void print_line(const Layer& layer) {
    std::string text = to_json(layer);
    std::ranges::replace(text, '\n', ' ');  // between tokens only: names hold no control characters
    std::cout << text << '\n';
}

void print_layers() {
    for (const CatalogueEntry& entry : catalogue()) print_line(entry.layer);
    Generator generator(1);
    for (int i = 0; i < 50; ++i) print_line({"", random_graph(generator, paper_space(true)), {}});
}

void read_lines() {
    for (std::string line; std::getline(std::cin, line);) {
        try {
            parse_json(line);
            std::cout << "ok\n";
        } catch (const InvalidGraph& error) {
            std::cout << error.what() << '\n';
        }
    }
}

}  // namespace

int main(int argc, char** argv) {
    const std::string_view command = argc == 2 ? argv[1] : "";
    if (command == "print") print_layers();
    if (command == "read") read_lines();
    return command == "print" || command == "read" ? 0 : 2;
}
