/// Asks every path's model, with the shape of its data.
#include "experiments/plan/unused.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "engine/error.hpp"
#include "engine/models/meaning.hpp"
#include "experiments/spec/model_arguments.hpp"

namespace variscope::experiments {

void check_model_keys(const Plan& plan) {
  const std::string prefix = "model.";
  for (const Place& place : plan.spec.places) {
    if (!place.key.starts_with(prefix) || place.key == "model.name") continue;
    const std::string name = place.key.substr(prefix.size());
    std::optional<models::NoMeaning> why;
    const bool used = std::any_of(plan.paths.begin(), plan.paths.end(), [&](const PathPlan& path) {
      const data::Table* table = path.data < 0 ? nullptr : &plan.data[static_cast<std::size_t>(path.data)].shape;
      const Settings& s = path.settings;
      // A sweep over models: the key of another.
      if (!s.model.numbers.contains(name) && !s.model.words.contains(name) && !s.model.lists.contains(name)) return false;
      auto reason = models::no_meaning(*models::find(s.model.name), name, model_arguments(s, table));
      if (!reason) return true;
      if (!why) why = std::move(reason);
      return false;
    });
    if (used || !why) continue;
    throw UserError(fmt::format("{}: {} has no meaning here ({}). Remove it, or {}.", place.text(), place.key, why->reason, why->instead));
  }
}

}  // namespace variscope::experiments
