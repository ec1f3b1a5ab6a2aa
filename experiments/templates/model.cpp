/// new_name: a model of yours as a shared library, over the rows of [data]. Minibatches, shards, ranks and every sampler and estimator
/// work on it. What is modelled stands in four places, marked EDIT; as it is written, this is linear regression with a known noise sd of 1
/// and independent normal priors of sd `prior_sd`.
///
///   c++ -std=c++17 -O3 -march=native -ffp-contract=off -shared -fPIC -I . new_name.cpp -o new_name.so
///   variscope run new_name.toml
///
/// Is the gradient right? Run the study beside it: T1 has sf_loo, which looks at values alone, and pw_cfe, which looks at gradients; both
/// are held against a reference gradient, and where value and gradient disagree one of them fails its gate.
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

#include "variscope_plugin.h"

/// What the model knows. EDIT: settings of your own.
struct bs_model {
  double prior_sd = 1;
  vs_table table{};   // the rows that this process holds
  std::string names;  // of the coordinates, with commas
};

namespace {

constexpr double kHalfLog2Pi = 0.918938533204672741780;

/// How many coordinates there are, all on the real line. EDIT: here one for each column of the design. A scale goes in as its logarithm,
/// with the logarithm of the Jacobian in the prior.
std::int64_t dimension(const bs_model& model) { return model.table.columns; }

/// Log prior of one parameter vector, normalised; adds its gradient. EDIT.
double log_prior(const bs_model& model, const double* theta, double* gradient) {
  double value = 0;
  for (std::int64_t d = 0; d < dimension(model); ++d) {
    const double standard = theta[d] / model.prior_sd;
    value -= 0.5 * standard * standard + std::log(model.prior_sd) + kHalfLog2Pi;
    gradient[d] -= standard / model.prior_sd;
  }
  return value;
}

/// Log density of one response y of a row with columns x, normalised; adds its gradient. EDIT.
double log_likelihood(const bs_model& model, const double* x, double y, const double* theta, double* gradient) {
  double mean = 0;
  for (std::int64_t d = 0; d < dimension(model); ++d) mean += x[d] * theta[d];
  const double residual = y - mean;
  for (std::int64_t d = 0; d < dimension(model); ++d) gradient[d] += residual * x[d];
  return -0.5 * residual * residual - kHalfLog2Pi;
}

/// A number of the settings, `data = '{"prior_sd": 2.0}'` in the spec.
double number(const std::string& json, const std::string& key, double otherwise) {
  const std::size_t at = json.find('"' + key + '"');
  return at == std::string::npos ? otherwise : std::strtod(json.c_str() + json.find(':', at) + 1, nullptr);
}

// From here on nothing needs to be edited.

/// Nothing but a return value crosses the border.
template <class Action>
int guarded(char** error_msg, const Action& action) {
  try {
    action();
    return 0;
  } catch (const std::exception& error) {
    if (error_msg != nullptr) *error_msg = strdup(error.what());
    return -1;
  }
}

/// Calls density(theta, gradient) for each vector of a batch and puts its results where they belong. Vectors do not know of each other.
template <class Density>
void for_each_vector(const bs_model& model, const double* theta, std::int64_t count, int wanted, double* out, const Density& density) {
  const std::int64_t dim = dimension(model);
  const std::int64_t height = 1 + ((wanted & VS_GRADIENT) != 0 ? dim : 0);
  std::vector<double> one(static_cast<std::size_t>(dim));
  std::vector<double> gradient(static_cast<std::size_t>(dim));
  for (std::int64_t s = 0; s < count; ++s) {
    const double* from = theta + s / VS_LANES * dim * VS_LANES + s % VS_LANES;
    double* to = out + s / VS_LANES * height * VS_LANES + s % VS_LANES;
    for (std::int64_t d = 0; d < dim; ++d) one[static_cast<std::size_t>(d)] = from[d * VS_LANES];
    gradient.assign(gradient.size(), 0.0);
    to[0] = density(one.data(), gradient.data());
    for (std::int64_t d = 0; d + 1 < height; ++d) to[(1 + d) * VS_LANES] = gradient[static_cast<std::size_t>(d)];
  }
}

}  // namespace

extern "C" {

extern const int bs_major_version;
const int bs_major_version = 2;

bs_model* bs_model_construct(const char* data, unsigned int, char** error_msg) {
  bs_model* model = nullptr;
  guarded(error_msg, [&] {
    const double sd = number(data == nullptr ? "" : data, "prior_sd", 1.0);
    if (!(sd > 0)) throw std::invalid_argument("prior_sd must be positive");
    model = new bs_model{sd, {}, {}};
  });
  return model;
}
void bs_model_destruct(bs_model* model) { delete model; }
void bs_free_error_msg(char* error_msg) { std::free(error_msg); }

/// No function changes a model, so any number of threads may call.
const char* bs_model_info(const bs_model*) { return "STAN_THREADS=true"; }

int bs_param_unc_num(const bs_model* model) { return static_cast<int>(dimension(*model)); }
const char* bs_param_unc_names(const bs_model* model) { return model->names.c_str(); }

int vs_extension_version() { return VS_EXTENSION_VERSION; }

int vs_attach_table(bs_model* model, const vs_table* table, char** error_msg) {
  return guarded(error_msg, [&] {
    if (table->last > table->first && table->response == nullptr) throw std::invalid_argument("a response is needed");
    model->table = *table;
    model->names.clear();
    for (std::int64_t c = 0; c < table->columns; ++c) model->names += (c > 0 ? "," : "") + std::string(table->names[c]);
  });
}

int vs_log_prior_batch(const bs_model* model, const double* theta, int64_t count, int wanted, double* out, char** error_msg) {
  return guarded(error_msg, [&] {
    for_each_vector(*model, theta, count, wanted, out,
                    [&](const double* one, double* gradient) { return log_prior(*model, one, gradient); });
  });
}

int vs_log_likelihood_batch(const bs_model* model, const vs_rows* rows, const double* theta, int64_t count, int wanted, double* out,
                            char** error_msg) {
  return guarded(error_msg, [&] {
    const vs_table& table = model->table;
    const std::int64_t number_of_rows = rows->indices == nullptr ? rows->last - rows->first : rows->count;
    for_each_vector(*model, theta, count, wanted, out, [&](const double* one, double* gradient) {
      double value = 0;
      for (std::int64_t k = 0; k < number_of_rows; ++k) {
        const std::int64_t held = (rows->indices == nullptr ? rows->first + k : rows->indices[k]) - table.first;
        value += log_likelihood(*model, table.design + held * table.stride, table.response[held], one, gradient);
      }
      return value;
    });
  });
}

/// The whole density over the rows held, for other programs that load BridgeStan's interface.
int bs_log_density_gradient(const bs_model* model, bool, bool, const double* theta, double* value, double* gradient, char** error_msg) {
  return guarded(error_msg, [&] {
    std::vector<double> sum(static_cast<std::size_t>(dimension(*model)));
    *value = log_prior(*model, theta, sum.data());
    for (std::int64_t n = 0; n < model->table.last - model->table.first; ++n)
      *value += log_likelihood(*model, model->table.design + n * model->table.stride, model->table.response[n], theta, sum.data());
    if (gradient != nullptr) std::memcpy(gradient, sum.data(), sum.size() * sizeof(double));
  });
}
int bs_log_density(const bs_model* model, bool propto, bool jacobian, const double* theta, double* value, char** error_msg) {
  return bs_log_density_gradient(model, propto, jacobian, theta, value, nullptr, error_msg);
}

}  // extern "C"
