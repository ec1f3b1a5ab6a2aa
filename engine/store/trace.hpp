/// Draws of chains as they are stored: groups of variables along chain and draw, in the layout and by the names of InferenceData.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "engine/index.hpp"

namespace variscope::store {

/// How a variable is stored. count: int64, what is not a number becomes -1. boolean: int8 with the attribute dtype = "bool", which readers
/// turn into truth; what is not a number becomes false.
enum class TraceType { real, single, count, boolean };

struct TraceVariable {
  std::string name;
  std::string long_name;
  std::string units = "1";
  std::vector<Index> shape;  ///< of one draw; none: a number
  TraceType type = TraceType::real;

  [[nodiscard]] Index size() const {
    Index product = 1;
    for (const Index extent : shape) product *= extent;
    return product;
  }
};

/// "posterior", "sample_stats", "warmup_posterior", "warmup_sample_stats", "unconstrained_posterior", ...: all variables have the
/// dimensions chain, draw, NAME_dim_0, ... .
struct TraceGroup {
  std::string name;
  Index draws = 0;
  Index first = 0;  ///< coordinate of the first draw, and the distance to the next (what thinning left out)
  Index step = 1;
  std::vector<TraceVariable> variables;

  /// Numbers of one draw.
  [[nodiscard]] Index width() const {
    Index sum = 0;
    for (const TraceVariable& variable : variables) sum += variable.size();
    return sum;
  }
};

/// A variable that no draw changes: observed_data, constant_data.
struct TraceConstant {
  TraceVariable variable;
  std::vector<double> values;  ///< variable.size()
};

/// One trace file.
struct TraceLayout {
  std::string id;  ///< "cell_000": traces/cell_000.nc
  Index chains = 0;
  Index first_chain = 0;  ///< coordinate of the first
  std::vector<TraceGroup> groups;
  std::map<std::string, std::vector<TraceConstant>> constants;  ///< group -> variables
  std::map<std::string, std::string> attributes;                ///< of every group: inference_library, sampler, ...

  /// Bytes of all values in the file.
  [[nodiscard]] Index bytes() const;
};

/// Consecutive draws of consecutive chains, of one group.
struct TraceBlock {
  std::string trace;  ///< TraceLayout::id
  Index group = 0;
  Range chains;
  Range draws;
  std::vector<double> values;  ///< [chain x draw x width]
};

/// What chains need to go on: numbers that only their owner understands.
struct TraceState {
  std::string trace;
  Index iteration = 0;
  Range chains;
  std::vector<double> numbers;
};

}  // namespace variscope::store
