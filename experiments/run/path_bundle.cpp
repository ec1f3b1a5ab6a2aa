/// A path as numbers and texts, in one order.
#include "experiments/run/path.hpp"

namespace variscope::experiments {

void put(store::BundleWriter& out, const Path& path) {
  out.add(path.record.id);
  out.add(static_cast<double>(path.record.stride));
  out.add(static_cast<double>(path.record.steps));
  out.add(static_cast<double>(path.record.parameters));
  out.add(path.record.lambda);
  out.add(static_cast<double>(path.points.size()));
  for (const PointRecord& point : path.points) {
    out.add(point.label);
    out.add(point.reference_method);
    for (const auto* values : {&point.lambda, &point.snapshot, &point.reference, &point.reference_error}) out.add(*values);
    out.add(point.objective);
    out.add(point.objective_error);
  }
  out.add(static_cast<double>(path.histories.size()));
  for (const auto& [batch_rows, of_points] : path.histories) {
    out.add(static_cast<double>(batch_rows));
    out.add(static_cast<double>(of_points.size()));
    for (const estimators::RowHistory& history : of_points) {
      out.add(static_cast<double>(history.ages));
      out.add(history.mean);
      out.add(std::vector<double>(history.age_of.begin(), history.age_of.end()));
    }
  }
}

Path take_path(store::BundleReader& in) {
  Path path;
  path.record.id = in.text();
  path.record.stride = in.integer();
  path.record.steps = in.integer();
  path.record.parameters = in.integer();
  path.record.lambda = in.numbers();
  path.points.resize(static_cast<std::size_t>(in.integer()));
  for (PointRecord& point : path.points) {
    point.label = in.text();
    point.reference_method = in.text();
    for (auto* values : {&point.lambda, &point.snapshot, &point.reference, &point.reference_error}) *values = in.numbers();
    point.objective = in.number();
    point.objective_error = in.number();
  }
  const Index kinds = in.integer();
  for (Index kind = 0; kind < kinds; ++kind) {
    auto& of_points = path.histories[in.integer()];
    of_points.resize(static_cast<std::size_t>(in.integer()));
    for (estimators::RowHistory& history : of_points) {
      history.ages = in.integer();
      history.mean = in.numbers();
      for (const double age : in.numbers()) history.age_of.push_back(static_cast<std::uint32_t>(age));
    }
  }
  return path;
}

}  // namespace variscope::experiments
