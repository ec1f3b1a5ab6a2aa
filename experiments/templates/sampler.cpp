/// NewName: what it does in an iteration, in a line.
///
/// As it is written: a normal proposal of fixed scale, accepted with min(1, p(y) / p(x)). Change it step by step, and run the conformance
/// tests between:
///
///   cmake --build build/dev --target engine_tests && build/dev/tests/engine_tests --gtest_filter='*new_name*'
///
/// They hold one iteration against exact invariance on several targets, its bits against other company, threads and interruptions, and its
/// moments against known ones.
#include "engine/samplers/new_name.hpp"

#include <algorithm>
#include <cmath>

#include "engine/samplers/arguments.hpp"

namespace variscope::samplers {

using random::Purpose;

/// What every iteration records, in this order.
std::vector<Statistic> NewName::statistics() const {
  return {{"acceptance_rate", "probability with which the proposal is accepted", StatisticKind::real},
          {"accepted", "whether it was", StatisticKind::boolean}};
}

/// A coroutine: it sleeps at co_await while the densities of all chains of a rank are computed as one batch. What lives across a co_await
/// and is no plain number belongs into step.scratch, what lives across iterations into chain.state (state_size()).
Transition NewName::step(Step& step) const {
  Chain& chain = *step.chain;
  double* proposal = step.scratch;
  double* z = step.scratch + padded(dim());
  // Random numbers are addressed by what they are for: chain, iteration and purpose. The same ones on any ranks and threads.
  step.normals(Purpose::chain_proposal, 0, dim(), z);
  for (Index d = 0; d < dim(); ++d) proposal[d] = chain.position[static_cast<std::size_t>(d)] + step_size_ * z[d];
  const double value = co_await step.value(proposal);
  // A density that failed is NaN or infinite: never accepted.
  const double acceptance = std::isfinite(value) ? std::min(1.0, std::exp(value - chain.log_density)) : 0.0;
  const bool accepted = step.uniform(Purpose::chain_accept) < acceptance;
  if (accepted) {
    std::copy_n(proposal, dim(), chain.position.begin());
    chain.log_density = value;
  }
  step.statistics[0] = acceptance;
  step.statistics[1] = accepted ? 1 : 0;
}

Entry new_name_entry() {
  Entry entry;
  entry.name = "new_name";
  entry.summary = "what it is, in a line of the catalogue";
  entry.source = "authors, year, journal, algorithm";
  // independent: as many evaluations an iteration whatever the target. adapts, cross_chain, weighted: see Capabilities.
  entry.capabilities = {.gradient = false, .independent = true};
  entry.parameters = {{"step_size", "scale of the proposal", 1}};
  entry.make = [](const Arguments& arguments, const models::Model& model) {
    return std::make_unique<NewName>(model.dim(), number_within(arguments, "step_size", 1e-10, 1e10));
  };
  // What the tests run it with: one line for each way it can work.
  entry.smoke = {{"plain", {{"step_size", 1.0}}, {}}};
  return entry;
}

}  // namespace variscope::samplers
