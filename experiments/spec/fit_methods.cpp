/// The methods, and which keys each of them takes.
#include "experiments/spec/fit_methods.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string_view>

namespace variscope::experiments {

namespace {

bool is_one_of(const std::string& key, std::initializer_list<std::string_view> names) {
  return std::find(names.begin(), names.end(), key) != names.end();
}

}  // namespace

bool FitMethod::takes(const std::string& key) const {
  if (key == "estimators.samples") return samples;
  if (key.starts_with("estimators.")) return estimators;
  if (key == "objective") return any_family && !quadrature;
  const bool moves = !particles || optimizer;
  if (!moves && (key == "fit.steps" || key == "fit.budget_evaluations" || key == "fit.trace_every")) return false;
  if (key.starts_with("family.initial_")) return moves;
  if (key.starts_with("family.")) return any_family;
  if (key.starts_with("stopping.")) return optimizer;
  if (!key.starts_with("fit.")) return true;
  if (is_one_of(key, {"fit.method", "fit.steps", "fit.budget_evaluations", "fit.trace_every"})) return true;
  if (key == "fit.repeats") return random;
  if (key == "fit.particles") return particles;
  if (is_one_of(key, {"fit.evaluation_samples", "fit.posterior_draws", "fit.tolerance"})) return has_density();
  if (key == "fit.search_steps") return optimizer && has_density();
  return optimizer;  // fit.optimizer and its parameters
}

bool FitMethod::shows(const std::string& key) const {
  return takes(key) || (has_density() && (key.starts_with("family.") || key == "objective"));
}

const std::vector<FitMethod>& fit_methods() {
  static const std::vector<FitMethod> all = [] {
    std::vector<FitMethod> methods;
    FitMethod vi{"vi", "an optimizer along estimated gradients of the objective: one fit for each of estimators.names",
                 "Kucukelbir et al. 2017, JMLR 18(14)"};
    vi.any_family = vi.estimators = vi.samples = vi.optimizer = vi.random = true;
    methods.push_back(vi);
    FitMethod exact{"exact", "an optimizer along the exact gradient, where model and family have one", "definition"};
    exact.any_family = exact.optimizer = true;
    methods.push_back(exact);
    FitMethod mean_field{"exact_mean_field", "the mean-field Gaussian of the largest ELBO by L-BFGS on its exact value", "definition"};
    mean_field.family = "mean_field_gaussian";
    methods.push_back(mean_field);
    FitMethod fixed{"fixed_sample", "mean-field Gaussian by L-BFGS on the ELBO of one fixed sample (DADVI)",
                    "Giordano, Ingram, Broderick 2024, JMLR 25(18)"};
    fixed.family = "mean_field_gaussian";
    fixed.samples = fixed.random = true;
    methods.push_back(fixed);
    FitMethod laplace{"laplace", "the normal distribution of the mode and the curvature there",
                      "Tierney and Kadane 1986, JASA 81(393); MacKay 2003, chapter 27"};
    laplace.family = "full_rank_gaussian";
    methods.push_back(laplace);
    FitMethod pathfinder{"pathfinder", "the best of the normal approximations that L-BFGS passes on its way to the mode",
                         "Zhang, Carpenter, Gelman, Vehtari 2022, JMLR 23(306), single path"};
    pathfinder.family = "full_rank_gaussian";
    pathfinder.random = true;
    methods.push_back(pathfinder);
    FitMethod simplex{"simplex_kl", "least KL(q || p) by quadrature, by the downhill simplex: families of one or two rows of noise",
                      "Nelder and Mead 1965, Comput. J. 7"};
    simplex.any_family = simplex.quadrature = true;
    methods.push_back(simplex);
    simplex.name = "simplex_square";
    simplex.summary = "least E_q[(log q - log p)^2] by quadrature, by the downhill simplex; p as it stands, constant included";
    methods.push_back(simplex);
    methods.push_back({"map", "the mode of the log density in the model's own coordinates: a point", "definition"});
    FitMethod svgd{"svgd", "particles that climb the density and repel each other, moved by an optimizer", "Liu and Wang 2016 (NeurIPS)"};
    svgd.optimizer = svgd.particles = svgd.random = true;
    methods.push_back(svgd);
    FitMethod prior{"prior", "independent draws from the model's prior, where it can be simulated: what is believed before any data",
                    "Gelman et al. 2020, Bayesian workflow, arXiv 2011.01808"};
    prior.particles = prior.random = true;
    methods.push_back(prior);
    return methods;
  }();
  return all;
}

const FitMethod& fit_method(const std::string& name) {
  for (const FitMethod& method : fit_methods()) {
    if (method.name == name) return method;
  }
  throw std::logic_error("no such fit method: " + name);
}

}  // namespace variscope::experiments
