/// Reads the keys of a generalised linear model and checks them against the table.
#include "engine/models/glm_layout.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <boost/math/special_functions/gamma.hpp>
#include <cmath>

#include "engine/data/columns.hpp"
#include "engine/error.hpp"
#include "engine/models/scale_prior.hpp"

namespace variscope::models::glm {

namespace {

using distributions::Distribution;
using distributions::Support;

const std::vector<std::pair<std::string, Likelihood>>& likelihoods() {
  static const std::vector<std::pair<std::string, Likelihood>> all = {
      {"gaussian", Likelihood::gaussian},      {"bernoulli", Likelihood::bernoulli}, {"binomial", Likelihood::binomial},
      {"poisson", Likelihood::poisson},        {"student_t", Likelihood::student_t}, {"negative_binomial", Likelihood::negative_binomial},
      {"categorical", Likelihood::categorical}};
  return all;
}

std::string trimmed(const std::string& text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string::npos) return "";
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

std::vector<std::string> split(const std::string& text, char by) {
  std::vector<std::string> parts;
  std::size_t first = 0;
  while (true) {
    const std::size_t end = std::min(text.find(by, first), text.size());
    parts.push_back(trimmed(text.substr(first, end - first)));
    if (end == text.size()) return parts;
    first = end + 1;
  }
}

/// Whether `name` is `pattern`, of which every * stands for any text.
bool matches(std::string_view pattern, std::string_view name) {
  if (pattern.empty()) return name.empty();
  if (pattern.front() != '*') return !name.empty() && pattern.front() == name.front() && matches(pattern.substr(1), name.substr(1));
  for (std::size_t skipped = 0; skipped <= name.size(); ++skipped) {
    if (matches(pattern.substr(1), name.substr(skipped))) return true;
  }
  return false;
}

const std::string kIntercept = "intercept";

/// The side column of that name, all of it finite.
const data::SideColumn& side_column(const data::Table& table, const std::string& name, const std::string& key) {
  const data::SideColumn* column = table.side_column(name);
  if (column == nullptr) {
    std::vector<std::string> names;
    for (const data::SideColumn& other : table.side_columns) names.push_back(other.name);
    if (names.empty()) {
      throw UserError(fmt::format(
          "{}: no side column '{}' (the data keep none beside the design). Name it among the side columns of [data].", key, name));
    }
    throw UserError(fmt::format("{}: no side column '{}' (side columns: {}). Did you mean '{}'?", key, name, fmt::join(names, ", "),
                                data::nearest_name(names, name)));
  }
  for (std::size_t n = 0; n < column->values.size(); ++n) {
    if (std::isfinite(column->values[n])) continue;
    throw UserError(fmt::format("{}: column '{}' is {} in data row {} (it must be finite). Remove or fill the row.", key, name,
                                column->values[n], table.held.first + static_cast<Index>(n) + 1));
  }
  return *column;
}

bool whole(double y) { return y >= 0 && y == std::floor(y) && y <= 1e15; }

double log_factorial(double n) { return boost::math::lgamma(n + 1); }

Distribution real_prior(const distributions::Call& call, const std::string& key, const std::vector<std::string>& others) {
  const Distribution prior = distributions::make(call, key, others);
  if (prior.support() == Support::real) return prior;
  throw UserError(
      fmt::format("{}: {} gives no weight to negative numbers (a coefficient may have either sign). Use normal(...), student_t(...), "
                  "cauchy(...) or flat.",
                  key, prior.text()));
}

/// Of "lkj(shape)"; 0 of "none".
double correlation_shape(const std::string& text) {
  const distributions::Call call = distributions::parse_call(text, "model.prior_correlation");
  if (call.name == "none" && call.arguments.empty()) return 0;
  if (call.name == "lkj" && call.arguments.size() == 1 && call.arguments[0] > 0 && std::isfinite(call.arguments[0]))
    return call.arguments[0];
  throw UserError(
      fmt::format("model.prior_correlation: '{}' (none, or lkj with a shape that is positive and finite). Write lkj(2).", text));
}

}  // namespace

Likelihood likelihood_of(const Arguments& arguments) {
  const std::string& name = arguments.word("likelihood");
  std::vector<std::string> names;
  for (const auto& [known, kind] : likelihoods()) {
    if (known == name) return kind;
    names.push_back(known);
  }
  throw UserError(fmt::format("model.likelihood: no likelihood '{}' (valid: {}). Did you mean '{}'?", name, fmt::join(names, ", "),
                              data::nearest_name(names, name)));
}

Layout::Layout(const Arguments& arguments)
    : table(arguments.table), likelihood(likelihood_of(arguments)), width(table->width()), response(table->response) {
  if (likelihood == Likelihood::categorical) {
    predictors = static_cast<Index>(table->response_levels.size()) - 1;
    if (predictors < 1) {
      throw UserError(
          fmt::format("model.likelihood: response '{}' has {} categories (categorical needs at least two). Use another response.",
                      table->response_name, table->response_levels.size()));
    }
  }
  dim = coefficients();
  read_priors(arguments);
  read_scale(arguments);
  read_varying(arguments);
  read_rows(arguments);
}

void Layout::read_priors(const Arguments& arguments) {
  const std::string key = "model.prior";
  const std::vector<std::string>& columns = table->columns;
  const auto w = static_cast<std::size_t>(width);
  const Distribution otherwise = distributions::parse("normal(0, 2.5)", key);
  std::vector<Distribution> of(w, otherwise);
  std::vector<bool> done(w, false);
  for (std::size_t d = 0; d < w; ++d) {
    if (columns[d] != kIntercept) continue;
    of[d] = real_prior(distributions::parse_call(arguments.word("prior_intercept"), "model.prior_intercept"), "model.prior_intercept", {});
    done[d] = true;
  }
  for (const std::string& line : arguments.list("prior")) {
    const std::size_t colon = line.find(':');
    if (colon == std::string::npos) {
      throw UserError(
          fmt::format("{}: no ':' in '{}' (columns stand before it, their distribution behind). Write \"*: normal(0, 1)\".", key, line));
    }
    const distributions::Call call = distributions::parse_call(line.substr(colon + 1), key);
    std::vector<Index> met;
    for (const std::string& pattern : split(line.substr(0, colon), ',')) {
      bool known = pattern == "*";
      for (std::size_t d = 0; d < w; ++d) {
        if (!matches(pattern, columns[d])) continue;
        if (columns[d] == kIntercept) {
          if (pattern != kIntercept) continue;
          throw UserError(fmt::format("{}: 'intercept' in '{}' (its prior is a key of its own). Use prior_intercept.", key, line));
        }
        known = true;
        if (done[d]) continue;
        done[d] = true;
        met.push_back(static_cast<Index>(d));
      }
      if (known) continue;
      throw UserError(fmt::format("{}: no column '{}' (columns: {}). Did you mean '{}'?", key, pattern, fmt::join(columns, ", "),
                                  data::nearest_name(columns, pattern)));
    }
    if (call.name != "horseshoe") {
      const Distribution distribution = real_prior(call, key, {"horseshoe"});
      for (const Index d : met) of[static_cast<std::size_t>(d)] = distribution;
      continue;
    }
    if (call.arguments.size() != 1 || !(call.arguments[0] > 0) || !std::isfinite(call.arguments[0])) {
      throw UserError(fmt::format("{}: '{}' (the horseshoe takes the scale of tau, positive and finite). Write horseshoe(1).", key, line));
    }
    if (met.empty()) continue;
    Horseshoe horseshoe;
    for (const Index d : met) of[static_cast<std::size_t>(d)] = distributions::parse("normal(0, 1)", key);
    for (Index c = 0; c < predictors; ++c) {
      for (const Index d : met) horseshoe.coordinates.push_back(c * width + d);
    }
    horseshoe.global = Distribution(distributions::Kind::half_cauchy, call.arguments, key);
    if (!horseshoes.empty()) horseshoe.suffix = fmt::format("_{}", horseshoes.size() + 1);
    horseshoe.tau = dim;
    horseshoe.lambda = dim + 1;
    dim += 1 + static_cast<Index>(horseshoe.coordinates.size());
    horseshoes.push_back(horseshoe);
  }
  for (Index c = 0; c < predictors; ++c) prior.insert(prior.end(), of.begin(), of.end());
}

void Layout::read_scale(const Arguments& arguments) {
  const bool dispersion = likelihood == Likelihood::negative_binomial;
  degrees = arguments.number("degrees_of_freedom");
  if (likelihood == Likelihood::student_t && !(degrees > 0 && std::isfinite(degrees)))
    throw UserError(fmt::format("model.degrees_of_freedom: {} (it must be positive and finite). Use 4.0.", degrees));
  if (!dispersion && likelihood != Likelihood::gaussian && likelihood != Likelihood::student_t) return;
  const std::string name = dispersion ? "prior_dispersion" : "prior_scale";
  const std::string key = "model." + name;
  const ScalePrior given = parse_scale_prior(arguments.word(name), key, kLogScaleLimit);
  fixed_log_scale = given.log_value;
  if (given.fixed) return;
  scale_prior = given.prior;
  scale = dim++;
}

void Layout::read_varying(const Arguments& arguments) {
  const std::string key = "model.varying";
  const std::string& parameterization = arguments.word("parameterization");
  centred = parameterization == "centred";
  if (!centred && parameterization != "non-centred")
    throw UserError(fmt::format("model.parameterization: '{}' (valid: centred, non-centred). Use non-centred.", parameterization));
  varying_prior = positive_prior(arguments.word("prior_varying"), "model.prior_varying");
  const double shape = correlation_shape(arguments.word("prior_correlation"));
  if (shape > 0 && centred) {
    throw UserError(
        "model.parameterization: centred with prior_correlation (correlated effects are always made of independent ones). Use "
        "non-centred.");
  }
  if (arguments.list("varying").empty()) return;
  if (likelihood == Likelihood::categorical)
    throw UserError(fmt::format("{}: with likelihood categorical (varying effects have one predictor). Leave it out.", key));
  for (const std::string& line : arguments.list("varying")) {
    const std::vector<std::string> sides = split(line, ':');
    if (sides.size() != 2) {
      throw UserError(fmt::format(
          "{}: '{}' (one ':' stands between the group and its effects). Write \"group: 1\" or \"group: 1 + column\".", key, line));
    }
    const data::SideColumn& column = side_column(*table, sides[0], key);
    if (column.levels.empty()) {
      throw UserError(fmt::format("{}: column '{}' has numbers, not levels (a group is categorical). Declare it categorical in [data].",
                                  key, column.name));
    }
    Varying term;
    term.group = column.name;
    term.levels = column.levels;
    term.level = column.values.data();
    for (const Varying& other : varying) {
      if (other.group == term.group) {
        throw UserError(
            fmt::format("{}: group '{}' twice (its effects belong together). Write \"{}: 1 + column\" once.", key, term.group, term.group));
      }
    }
    for (const std::string& effect : split(sides[1], '+')) {
      const std::string name = effect == "1" ? kIntercept : effect;
      if (std::find(term.names.begin(), term.names.end(), name) != term.names.end())
        throw UserError(fmt::format("{}: '{}' twice in '{}' (an effect varies once by a group). Remove one.", key, effect, line));
      term.names.push_back(name);
      term.columns.push_back(effect == "1" ? Index{-1} : data::find_column(table->columns, effect, key));
    }
    term.sd = dim;
    if (shape > 0 && term.effects() > 1) {
      term.correlation = dim + term.effects();
      term.shape = shape;
    }
    term.effect = dim + term.effects() + term.pairs();
    dim = term.effect + term.size();
    for (const double level : column.values) {
      if (!whole(level) || level >= static_cast<double>(column.levels.size()))
        throw UserError(fmt::format("{}: level {} of column '{}' (it has {} levels). Import the data again.", key, level, column.name,
                                    column.levels.size()));
    }
    varying.push_back(term);
  }
  if (shape > 0 && std::none_of(varying.begin(), varying.end(), [](const Varying& term) { return term.correlated(); })) {
    throw UserError(
        "model.prior_correlation: no group has two varying effects (one has no correlation). Write \"group: 1 + column\", or none.");
  }
}

void Layout::read_rows(const Arguments& arguments) {
  const auto refuse = [&](std::size_t n, const std::string& needs) {
    throw UserError(
        fmt::format("model.likelihood: response {} in data row {} (likelihood {} needs {}). Use another likelihood or response.",
                    response[n], table->held.first + static_cast<Index>(n) + 1, arguments.word("likelihood"), needs));
  };
  const std::string& offset_name = arguments.word("offset");
  if (!offset_name.empty()) {
    if (likelihood == Likelihood::categorical)
      throw UserError("model.offset: with likelihood categorical (an offset belongs to one predictor). Leave it out.");
    const data::SideColumn& column = side_column(*table, offset_name, "model.offset");
    if (!column.levels.empty())
      throw UserError(fmt::format("model.offset: column '{}' has levels (an offset is a number). Name a numeric column.", offset_name));
    offset = column.values.data();
  }
  const std::string& trials_name = arguments.word("trials");
  if (trials_name.empty() == (likelihood == Likelihood::binomial)) {
    throw UserError(trials_name.empty()
                        ? "model.trials: missing (likelihood binomial counts successes of trials). Name the side column of their numbers."
                        : "model.trials: given (only likelihood binomial has trials). Leave it out, or use likelihood = \"binomial\".");
  }
  if (!trials_name.empty()) trials = side_column(*table, trials_name, "model.trials").values;
  const double top = static_cast<double>(predictors);
  for (std::size_t n = 0; n < response.size(); ++n) {
    double& y = response[n];
    switch (likelihood) {
      case Likelihood::gaussian:
      case Likelihood::student_t:
        if (!std::isfinite(y)) refuse(n, "finite numbers");
        break;
      case Likelihood::bernoulli:
        if (y != 0 && y != 1) refuse(n, "0 or 1");
        y = 2 * y - 1;
        break;
      case Likelihood::binomial:
        if (!whole(trials[n]) || !whole(y) || y > trials[n]) refuse(n, fmt::format("a whole number of successes of {} trials", trials[n]));
        constant.push_back(log_factorial(trials[n]) - log_factorial(y) - log_factorial(trials[n] - y));
        break;
      case Likelihood::poisson:
      case Likelihood::negative_binomial:
        if (!whole(y)) refuse(n, "whole numbers of at least 0");
        constant.push_back(-log_factorial(y));
        break;
      case Likelihood::categorical:
        if (!whole(y) || y > top) refuse(n, fmt::format("codes from 0 to {}", top));
        break;
    }
  }
}

}  // namespace variscope::models::glm
