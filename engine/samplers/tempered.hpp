/// Between a normal reference and the target: particles at temperatures of their own, moved together.
#pragma once

#include <span>
#include <vector>

#include "engine/models/model.hpp"
#include "engine/samplers/catalogue.hpp"
#include "engine/samplers/flaw.hpp"
#include "engine/samplers/step.hpp"
#include "engine/samplers/transition.hpp"

namespace variscope::samplers {

/// Independent normals, normalised: where temperature beta = 0. The law at beta is reference^(1 - beta) density^beta.
class Reference {
 public:
  Reference(std::vector<double> mean, std::vector<double> sd);

  [[nodiscard]] Index dim() const { return static_cast<Index>(mean_.size()); }
  [[nodiscard]] double log_density(const double* x) const;
  /// x (dim entries) of standard normals becomes a draw.
  void place(double* x) const;
  [[nodiscard]] const double* mean() const { return mean_.data(); }
  [[nodiscard]] const double* sd() const { return sd_.data(); }

 private:
  std::vector<double> mean_;
  std::vector<double> sd_;
  double constant_ = 0;
};

/// The key reference_sd.
Parameter reference_parameter();
/// N(0, reference_sd^2) in every coordinate where reference_sd > 0; else the prior, where it is an independent normal; else N(0, 5^2).
Reference reference_of(const Arguments& arguments, const models::Model& model);

/// A view of size() doubles: position, gradient and log density of the target, log density of the reference, of `count` particles.
class Particles {
 public:
  Particles(double* memory, Index count, Index dim) : memory_(memory), count_(count), dim_(dim) {}
  static Index size(Index count, Index dim) { return count * (2 * dim + 2); }

  [[nodiscard]] Index count() const { return count_; }
  [[nodiscard]] double& value(Index i) const { return memory_[i]; }
  [[nodiscard]] double& log_reference(Index i) const { return memory_[count_ + i]; }
  [[nodiscard]] double* position(Index i) const { return memory_ + 2 * count_ + 2 * i * dim_; }
  [[nodiscard]] double* gradient(Index i) const { return position(i) + dim_; }
  /// Log of density over reference: -infinity where there is no density.
  [[nodiscard]] double log_ratio(Index i) const;
  /// Log of the law at beta, unnormalised.
  [[nodiscard]] double at(Index i, double beta) const { return beta == 0 ? log_reference(i) : log_reference(i) + beta * log_ratio(i); }
  /// Everything of particle `from` into particle i of `to`.
  void copy_to(Index from, const Particles& to, Index i) const;

 private:
  double* memory_;
  Index count_;
  Index dim_;
};

/// One Hamiltonian move of one particle.
struct TemperedMove {
  Index particle = 0;
  double beta = 1;
  double step_size = 1;   ///< in units of `scale`
  std::uint32_t set = 0;  ///< keys its normals and its acceptance: another for every move of an iteration
  double rate = 0;        ///< becomes its probability of acceptance
};

/// `co_await move(...)`: every move proposes by `steps` leapfrog steps, all particles' gradients asked for together. scale: dim entries.
/// A trajectory ends, and is not accepted, where the density is not a finite number. Cost: `steps` gradients a move.
Transition move(Step& step, const Reference& reference, const Particles& particles, const double* scale, Index steps,
                std::span<TemperedMove> moves, Flaw flaw);

}  // namespace variscope::samplers
