/// A plug-in that misbehaves as its data ask: {"fault": "throws"} and so on. Compiled without some functions too, and with another version.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <string>

#include "variscope_plugin.h"

#ifndef FAULTY_VERSION
#define FAULTY_VERSION 2
#endif

struct bs_model {
  std::string fault;
  int64_t columns = 2;
};

namespace {

int fail(char** error_msg, const char* text) {
  *error_msg = strdup(text);
  return -1;
}

/// A standard normal in two dimensions; what lies beyond 1 in the first coordinate fails.
int evaluate(const bs_model* model, const double* theta, double* value, double* gradient, char** error_msg) {
  *value = -0.5 * (theta[0] * theta[0] + theta[1] * theta[1]);
  if (gradient != nullptr) {
    gradient[0] = -theta[0];
    gradient[1] = -theta[1];
  }
  if (!(theta[0] > 1)) return 0;
  if (model->fault == "throws") throw std::domain_error("beyond one");
  if (model->fault == "throws_int") throw 7;
  if (model->fault == "error") return fail(error_msg, "rejected:\n beyond one\n");
  if (model->fault == "silent") return 1;
  if (model->fault == "nan") *value = std::numeric_limits<double>::quiet_NaN();
  if (model->fault == "infinite_gradient" && gradient != nullptr) gradient[1] = std::numeric_limits<double>::infinity();
  return 0;
}

}  // namespace

extern "C" {

extern const int bs_major_version;
const int bs_major_version = FAULTY_VERSION;

bs_model* bs_model_construct(const char* data, unsigned int, char** error_msg) {
  const std::string text = data;
  if (text.find("throw_at_once") != std::string::npos) throw std::runtime_error("no such model");
  if (text.find("bad_data") != std::string::npos) {
    fail(error_msg, "variable N is missing");
    return nullptr;
  }
  auto* model = new bs_model;
  for (const char* fault : {"throws_int", "throws", "error", "silent", "nan", "infinite_gradient"}) {
    if (model->fault.empty() && text.find(fault) != std::string::npos) model->fault = fault;
  }
  return model;
}
void bs_model_destruct(bs_model* model) { delete model; }
void bs_free_error_msg(char* error_msg) { std::free(error_msg); }
int bs_param_unc_num(const bs_model*) { return 2; }
const char* bs_param_unc_names(const bs_model*) { return "a,b"; }

int bs_log_density(const bs_model* model, bool, bool, const double* theta, double* value, char** error_msg) {
  return evaluate(model, theta, value, nullptr, error_msg);
}
#ifndef FAULTY_INCOMPLETE
int bs_log_density_gradient(const bs_model* model, bool, bool, const double* theta, double* value, double* gradient, char** error_msg) {
  return evaluate(model, theta, value, gradient, error_msg);
}
#endif

int vs_extension_version() { return VS_EXTENSION_VERSION; }
int vs_attach_table(bs_model*, const vs_table* table, char** error_msg) {
  return table->columns == 2 ? 0 : fail(error_msg, "two columns are needed");
}
/// A whole batch fails if any of its vectors does.
int vs_log_prior_batch(const bs_model* model, const double* theta, int64_t count, int wanted, double* out, char** error_msg) {
  const int64_t height = (wanted & VS_GRADIENT) != 0 ? 3 : 1;
  for (int64_t s = 0; s < count; ++s) {
    const double at[2] = {theta[s / 8 * 16 + s % 8], theta[s / 8 * 16 + 8 + s % 8]};
    double value = 0;
    double gradient[2];
    const int status = evaluate(model, at, &value, gradient, error_msg);
    if (status != 0) return status;
    double* to = out + s / 8 * height * 8 + s % 8;
    to[0] = value;
    for (int64_t d = 0; d + 1 < height; ++d) to[8 * (1 + d)] = gradient[d];
  }
  return 0;
}
int vs_log_likelihood_batch(const bs_model*, const vs_rows*, const double*, int64_t count, int wanted, double* out, char**) {
  const int64_t height = (wanted & VS_GRADIENT) != 0 ? 3 : 1;
  std::fill_n(out, (count + 7) / 8 * 8 * height, 0.0);
  return 0;
}

}  // extern "C"
