/// Blocks of rows through the models' own checks.
#include "experiments/run/check_rows.hpp"

#include <algorithm>

#include "engine/models/catalogue.hpp"

namespace variscope::experiments {

namespace {

constexpr double kBlockBytes = 64.0 * 1024 * 1024;

/// Whether a path before `p` has the same model beside the same data.
bool repeats(const Plan& plan, std::size_t p) {
  const auto same = [&](const PathPlan& a, const PathPlan& b) {
    return a.data == b.data && a.settings.model.name == b.settings.model.name && a.settings.model.numbers == b.settings.model.numbers &&
           a.settings.model.words == b.settings.model.words && a.settings.model.lists == b.settings.model.lists;
  };
  const auto end = plan.paths.begin() + static_cast<std::ptrdiff_t>(p);
  return std::any_of(plan.paths.begin(), end, [&](const PathPlan& path) { return same(path, plan.paths[p]); });
}

}  // namespace

CheckedRows check_rows(const Plan& plan, double bytes) {
  CheckedRows checked;
  for (std::size_t d = 0; d < plan.data.size(); ++d) {
    const DataPlan& data = plan.data[d];
    std::vector<const PathPlan*> paths;
    bool divisible = true;
    for (std::size_t p = 0; p < plan.paths.size(); ++p) {
      if (plan.paths[p].data != static_cast<int>(d) || repeats(plan, p)) continue;
      paths.push_back(&plan.paths[p]);
      divisible = divisible && models::find(plan.paths[p].settings.model.name)->divisible;
    }
    // No model looks at how the design is scaled before it has rows of all ranks.
    Settings::Data settings = data.settings;
    settings.standardize = false;
    const double row_bytes = 8.0 * static_cast<double>(data.width + 2);
    const auto rows_of = [&](double most) { return std::max<Index>(1, static_cast<Index>(most / row_bytes)); };
    const Index all = divisible ? std::min(data.rows, rows_of(bytes)) : data.rows;
    const Index block = divisible ? rows_of(kBlockBytes) : data.rows;
    for (Index first = 0; first < all; first += block) {
      data::Table table = read_share(data.dataset, settings, data.response, {first, std::min(first + block, all)});
      finish_share(table, data.dataset, settings, {});
      for (const PathPlan* path : paths) (void)make_model(path->settings, &table);
    }
    checked.rows += all;
    checked.all += data.rows;
  }
  return checked;
}

}  // namespace variscope::experiments
