#include "python/layer_cache.h"

#include "evaluator/cpu/kernel_makers.h"
#include "evaluator/cpu_backend.h"
#include "evaluator/cuda_backend.h"
#include "evaluator/layer_arguments.h"
#include "primitives/catalogue.h"
#include "primitives/json.h"
#include "primitives/nearest_name.h"
#include "primitives/text.h"

#include <cstddef>
#include <list>
#include <map>
#include <mutex>
#include <string>
#include <tuple>
#include <utility>

namespace normact::python {
namespace {

using evaluator::FusedModes;
using primitives::LayerSettings;

class LayerCache {
  public:
    std::shared_ptr<const FusedModes> find(std::string_view text, const LayerSettings& settings,
                                           c10::DeviceType device) {
        const std::scoped_lock lock(mutex_);
        const Key key{device, std::string(text), settings};
        if (const auto found = places_.find(key); found != places_.end()) {
            recent_.splice(recent_.begin(), recent_, found->second);
            return found->second->second;
        }
        recent_.emplace_front(key, std::make_shared<const FusedModes>(parse_layer(text).graph, settings,
                                                                      device == c10::DeviceType::CUDA ? cuda_ : cpu_));
        places_[key] = recent_.begin();
        if (recent_.size() > most_layers) {
            places_.erase(recent_.back().first);
            recent_.pop_back();
        }
        return recent_.front().second;
    }

  private:
    using Key = std::tuple<c10::DeviceType, std::string, LayerSettings>;
    static constexpr std::size_t most_layers = 1024;

    std::mutex mutex_;
    std::shared_ptr<const evaluator::Backend> cpu_ = evaluator::cpu_backend(*evaluator::cpu::kernel_makers().front());
    std::shared_ptr<const evaluator::Backend> cuda_ = evaluator::cuda_backend(evaluator::machine_loader);
    std::list<std::pair<Key, std::shared_ptr<const FusedModes>>> recent_;  // the most recent first
    std::map<Key, decltype(recent_)::iterator> places_;
};

primitives::Layer parse_text_form(std::string_view text) {
    try {
        return {{}, primitives::parse_text(text), {}};
    } catch (const primitives::InvalidGraph& error) {
        const auto nearest = primitives::nearest_name(text, primitives::catalogue_names());
        if (!nearest) throw;
        throw primitives::InvalidGraph(std::string(error.what()) + "; did you mean " + *nearest + "?");
    }
}

}  // namespace

primitives::Layer parse_layer(std::string_view text) {
    if (const primitives::CatalogueEntry* entry = primitives::find_in_catalogue(text)) return entry->layer;
    const std::size_t start = text.find_first_not_of(" \t\r\n");
    const bool is_json = start != std::string_view::npos && text[start] == '{';
    primitives::Layer layer = is_json ? primitives::parse_json(text) : parse_text_form(text);
    // As its text form has it: without dead nodes, and with the moving averages in that order.
    layer.graph = primitives::parse_text(primitives::to_text(layer.graph));
    return layer;
}

std::shared_ptr<const FusedModes> cached_layer(std::string_view text, const LayerSettings& settings,
                                               c10::DeviceType device) {
    evaluator::require_of_layer(
        settings.epsilon >= primitives::least_epsilon && settings.epsilon <= primitives::most_epsilon,
        "epsilon must be from 1e-30 to 1e30");
    evaluator::require_of_layer(settings.groups >= 1, "groups must be at least 1");
    static LayerCache cache;
    return cache.find(text, settings, device);
}

}  // namespace normact::python
