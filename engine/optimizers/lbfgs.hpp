/// Limited-memory BFGS and truncated Newton for smooth deterministic objectives, through NLopt.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

namespace variscope::optimizers {

/// Objective: fills the gradient and returns the value; to be maximised.
using Objective = std::function<double(std::span<const double> lambda, std::span<double> gradient)>;

enum class Search {
  lbfgs,            ///< Nocedal 1980; NLopt's LD_LBFGS (Luksan)
  truncated_newton  ///< Newton-CG: Dembo and Steihaug 1983, Math. Program. 26; NLopt's LD_TNEWTON_PRECOND_RESTART (Luksan), which takes
                    ///< products with the Hessian from differences of gradients, each an evaluation
};

struct Maximum {
  std::vector<double> lambda;
  double value = 0;
  double gradient_norm = 0;  ///< Euclidean, at lambda
  bool found = false;        ///< the gradient is shorter than 1e-6 times the larger of 1 and |value|
  int evaluations = 0;
  std::string status;  ///< what ended the search, in words
};

/// Deterministic: the same objective bits give the same maximum bits.
/// Stops at relative parameter changes below 1e-12 or after `most` evaluations.
Maximum maximise(const Objective& objective, std::vector<double> start, int most = 2000, Search search = Search::lbfgs);

}  // namespace variscope::optimizers
