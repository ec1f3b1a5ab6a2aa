/// Bayesian logistic regression as a shared library in C++, over the rows of [data]: the fast path, minibatches and shards included.
///
///   c++ -O3 -march=native -ffp-contract=off -shared -fPIC -I <variscope>/engine/models/library logistic.cpp -o logistic.so
///
///   [model]
///   name = "library_rows"
///   library = "logistic.so"
///   data = '{"prior_mean": 0.0, "prior_sd": 1.0}'
///   response = "binary"
///
/// The prior of every coefficient is normal. Each function catches what it may throw: nothing but a return value crosses the border.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

#include "variscope_plugin.h"

struct bs_model {
  double mean = 0;
  double sd = 1;
  vs_table table{};
  std::string names;
};

namespace {

constexpr double kHalfLog2Pi = 0.918938533204672741780;

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

double number(const std::string& json, const std::string& key, double otherwise) {
  const std::size_t at = json.find('"' + key + '"');
  if (at == std::string::npos) return otherwise;
  return std::strtod(json.c_str() + json.find(':', at) + 1, nullptr);
}

/// Eight vectors at once, lane by lane in the same order of operations: no lane knows of another.
struct Block {
  const double* __restrict theta;
  double* __restrict out;
  int64_t dim;
};

void add_row(const Block& at, const double* __restrict x, double y, bool gradient) {
  const Block block = at;  // so that the compiler sees that nothing overlaps
  double eta[VS_LANES] = {};
  for (int64_t d = 0; d < block.dim; ++d) {
    for (int lane = 0; lane < VS_LANES; ++lane) eta[lane] += x[d] * block.theta[d * VS_LANES + lane];
  }
  double residual[VS_LANES];
  for (int lane = 0; lane < VS_LANES; ++lane) {
    const double small = std::exp(-std::fabs(eta[lane]));                                 // never overflows
    block.out[lane] += y * eta[lane] - std::max(eta[lane], 0.0) - std::log(1.0 + small);  // off by 1e-16 at most, and cheaper than log1p
    residual[lane] = y - (eta[lane] >= 0 ? 1.0 : small) / (1.0 + small);
  }
  if (!gradient) return;
  for (int64_t d = 0; d < block.dim; ++d) {
    for (int lane = 0; lane < VS_LANES; ++lane) block.out[(1 + d) * VS_LANES + lane] += x[d] * residual[lane];
  }
}

/// Calls action(block) for every block of results, set to zero before.
template <class Action>
void for_each_block(const bs_model* model, const double* theta, int64_t count, int wanted, double* out, const Action& action) {
  const int64_t dim = model->table.columns;
  const int64_t height = 1 + ((wanted & VS_GRADIENT) != 0 ? dim : 0);
  for (int64_t b = 0; b < (count + VS_LANES - 1) / VS_LANES; ++b) {
    const Block block{theta + b * dim * VS_LANES, out + b * height * VS_LANES, dim};
    std::fill_n(block.out, height * VS_LANES, 0.0);
    action(block);
  }
}

}  // namespace

extern "C" {

extern const int bs_major_version;
const int bs_major_version = 2;

bs_model* bs_model_construct(const char* data, unsigned int, char** error_msg) {
  bs_model* model = nullptr;
  guarded(error_msg, [&] {
    const std::string json = data == nullptr ? "" : data;
    const double sd = number(json, "prior_sd", 1.0);
    if (!(sd > 0)) throw std::invalid_argument("prior_sd must be positive");
    model = new bs_model{number(json, "prior_mean", 0.0), sd, {}, {}};
  });
  return model;
}
void bs_model_destruct(bs_model* model) { delete model; }
void bs_free_error_msg(char* error_msg) { std::free(error_msg); }

const char* bs_model_info(const bs_model*) { return "STAN_THREADS=true"; }

int bs_param_unc_num(const bs_model* model) { return static_cast<int>(model->table.columns); }
const char* bs_param_unc_names(const bs_model* model) { return model->names.c_str(); }

int vs_extension_version() { return VS_EXTENSION_VERSION; }

int vs_attach_table(bs_model* model, const vs_table* table, char** error_msg) {
  return guarded(error_msg, [&] {
    if (table->last > table->first && table->response == nullptr) throw std::invalid_argument("a response is needed");
    model->table = *table;
    model->names.clear();
    for (int64_t c = 0; c < table->columns; ++c) {
      if (c > 0) model->names += ',';
      model->names += table->names[c];
    }
  });
}

int vs_log_prior_batch(const bs_model* model, const double* theta, int64_t count, int wanted, double* out, char**) {
  for_each_block(model, theta, count, wanted, out, [&](const Block& block) {
    for (int64_t d = 0; d < block.dim; ++d) {
      for (int lane = 0; lane < VS_LANES; ++lane) {
        const double standard = (block.theta[d * VS_LANES + lane] - model->mean) / model->sd;
        block.out[lane] -= 0.5 * standard * standard + std::log(model->sd) + kHalfLog2Pi;
        if ((wanted & VS_GRADIENT) != 0) block.out[(1 + d) * VS_LANES + lane] = -standard / model->sd;
      }
    }
  });
  return 0;
}

int vs_log_likelihood_batch(const bs_model* model, const vs_rows* rows, const double* theta, int64_t count, int wanted, double* out,
                            char**) {
  const vs_table& table = model->table;
  for_each_block(model, theta, count, wanted, out, [&](const Block& block) {
    const int64_t number_of_rows = rows->indices == nullptr ? rows->last - rows->first : rows->count;
    for (int64_t k = 0; k < number_of_rows; ++k) {
      const int64_t held = (rows->indices == nullptr ? rows->first + k : rows->indices[k]) - table.first;
      add_row(block, table.design + held * table.stride, table.response[held], (wanted & VS_GRADIENT) != 0);
    }
  });
  return 0;
}

/// The whole density over the rows held, for other programs that load BridgeStan's interface.
int bs_log_density_gradient(const bs_model* model, bool, bool, const double* theta, double* value, double* gradient, char** error_msg) {
  return guarded(error_msg, [&] {
    const int64_t dim = model->table.columns;
    const vs_rows rows{model->table.first, model->table.last, nullptr, 0};
    std::vector<double> lanes(static_cast<std::size_t>((dim + 2 * (1 + dim)) * VS_LANES));
    double* spread = lanes.data();
    double* prior = spread + dim * VS_LANES;
    double* likelihood = prior + (1 + dim) * VS_LANES;
    for (int64_t d = 0; d < dim; ++d) spread[d * VS_LANES] = theta[d];
    vs_log_prior_batch(model, spread, 1, VS_VALUE | VS_GRADIENT, prior, error_msg);
    vs_log_likelihood_batch(model, &rows, spread, 1, VS_VALUE | VS_GRADIENT, likelihood, error_msg);
    *value = prior[0] + likelihood[0];
    for (int64_t d = 0; gradient != nullptr && d < dim; ++d) gradient[d] = prior[(1 + d) * VS_LANES] + likelihood[(1 + d) * VS_LANES];
  });
}
int bs_log_density(const bs_model* model, bool propto, bool jacobian, const double* theta, double* value, char** error_msg) {
  return bs_log_density_gradient(model, propto, jacobian, theta, value, nullptr, error_msg);
}

}  // extern "C"
