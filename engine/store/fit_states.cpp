/// Where fits can be continued from, as a group of run.h5 that is no part of the results.
#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "engine/error.hpp"
#include "engine/store/fit_arrays.hpp"
#include "engine/store/record_arrays.hpp"
#include "engine/store/run_layout.hpp"
#include "engine/store/values.hpp"

namespace variscope::store {

namespace {

const std::vector<std::string> kPlaces = {"refused_in_a_row", "recorded", "held"};

std::vector<Index> counting(std::size_t size) {
  std::vector<Index> numbers(size);
  std::iota(numbers.begin(), numbers.end(), Index{0});
  return numbers;
}

}  // namespace

void write_fit_states(const Handle& states, DimensionCounter& counter, const FitCellRecord& cell) {
  if (cell.fits.empty() || !cell.fits.front().state.exists()) return;
  auto group = create_group(states, cell.id);
  Dimensions dimensions(group, counter);
  dimensions.add("fit", counting(cell.fits.size()), {"fit: estimator by estimator, repeat by repeat"});
  dimensions.add("place", kPlaces, {"how far the fit had come"});
  std::vector<std::string> kinds;
  for (const auto& kind : models::Counts::kinds()) kinds.emplace_back(kind.name);
  dimensions.add("kind", kinds, {"kind of work"});
  for (const FitStateArray& array : state_arrays) {
    const std::size_t width = (cell.fits.front().state.*array.values).size();
    if (width == 0) continue;
    std::vector<double> all;
    for (const FitRecord& fit : cell.fits) all.insert(all.end(), (fit.state.*array.values).begin(), (fit.state.*array.values).end());
    const std::string entry = std::string(array.name) + "_entry";
    dimensions.add(entry, counting(width), {"number of the state"});
    dimensions.doubles(array.name, {"fit", entry}, {array.meaning}, all.data());
  }
  std::vector<Index> places;
  std::vector<Index> own;
  std::vector<Index> evaluation;
  std::vector<double> seconds;
  for (const FitRecord& fit : cell.fits) {
    const FitState& state = fit.state;
    places.insert(places.end(), {state.refused_in_a_row, state.recorded, state.held ? 1 : 0});
    append(own, state.own);
    append(evaluation, state.evaluation);
    seconds.push_back(state.seconds);
  }
  dimensions.integers("places", {"fit", "place"}, {"steps refused up to the last, entries recorded, whether the stopping rule asks to end"},
                      places.data());
  dimensions.integers("own", {"fit", "kind"}, {"work of the steps"}, own.data());
  dimensions.integers("evaluation", {"fit", "kind"}, {"work of the objectives recorded"}, evaluation.data());
  dimensions.doubles("seconds", {"fit"}, {"wall time of the steps", "s"}, seconds.data());
  dimensions.close();
  group.close();
}

void read_fit_states(const Handle& file, FitCellRecord& cell) {
  const std::string name = "states/" + cell.id;
  // Files written before fits could be continued have none.
  if (!exists(file, "states") || !exists(file, name)) return;
  const auto group = open_group(file, name);
  const std::size_t fits = cell.fits.size();
  const auto sized = [&](auto values, std::size_t width, const char* what) {
    if (values.size() != fits * width) throw SystemError(fmt::format("read: {}/{} (not {} numbers for each fit)", name, what, width));
    return values;
  };
  const auto places = sized(read_integers(group, "places"), kPlaces.size(), "places");
  const auto own = sized(read_integers(group, "own"), models::Counts::kinds().size(), "own");
  const auto evaluation = sized(read_integers(group, "evaluation"), models::Counts::kinds().size(), "evaluation");
  const auto seconds = sized(read_doubles(group, "seconds"), 1, "seconds");
  for (const FitStateArray& array : state_arrays) {
    if (!exists(group, array.name)) continue;
    const auto all = read_doubles(group, array.name);
    const std::size_t width = fits == 0 ? 0 : all.size() / fits;
    (void)sized(all, width, array.name);
    for (std::size_t f = 0; f < fits; ++f) {
      const auto first = all.begin() + static_cast<std::ptrdiff_t>(f * width);
      (cell.fits[f].state.*array.values).assign(first, first + static_cast<std::ptrdiff_t>(width));
    }
  }
  for (std::size_t f = 0; f < fits; ++f) {
    FitState& state = cell.fits[f].state;
    const Index* place = places.data() + f * kPlaces.size();
    state.refused_in_a_row = place[0];
    state.recorded = place[1];
    state.held = place[2] != 0;
    state.own = counts_at(own, f);
    state.evaluation = counts_at(evaluation, f);
    state.seconds = seconds[f];
  }
}

}  // namespace variscope::store
