/** A model as a shared library, in plain C: independent normals z, and a scale with a log-logistic prior.
 *
 *   cc -O2 -shared -fPIC -I <variscope>/engine/models/library gaussian.c -o gaussian.so -lm
 *
 *   [model]
 *   name = "library"
 *   library = "gaussian.so"
 *   data = '{"mean": [0.5, -1.0], "sd": [1.0, 2.0]}'      # or "gaussian.json"
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "variscope_plugin.h"

#define MOST 64
#define HALF_LOG_2PI 0.918938533204672741780

struct bs_model {
  int count; /* of z; the scale's logarithm is coordinate `count` */
  double mean[MOST];
  double sd[MOST];
  char names[2][MOST * 8]; /* on the real line; with the derived log_scale */
};

const int bs_major_version = 2;

static int fail(char** error_msg, const char* text) {
  if (error_msg != NULL) {
    *error_msg = malloc(strlen(text) + 1);
    if (*error_msg != NULL) strcpy(*error_msg, text);
  }
  return -1;
}

void bs_free_error_msg(char* error_msg) { free(error_msg); }

/** Numbers of "key": [ ... ]; how many there are, at most MOST. */
static int read_list(const char* json, const char* key, double* out) {
  char quoted[32];
  snprintf(quoted, sizeof quoted, "\"%s\"", key);
  const char* at = strstr(json, quoted);
  if (at != NULL) at = strchr(at, '[');
  if (at == NULL) return 0;
  int count = 0;
  for (++at; count < MOST; ++count) {
    at += strspn(at, " \t\r\n,");
    char* end = NULL;
    const double value = strtod(at, &end);
    if (end == at) break;
    out[count] = value;
    at = end;
  }
  return count;
}

/** The file's text, or a copy of the text given. NULL if it cannot be read. */
static char* read_text(const char* data) {
  const size_t length = strlen(data);
  if (length < 5 || strcmp(data + length - 5, ".json") != 0) {
    char* copy = malloc(length + 1);
    return copy == NULL ? NULL : strcpy(copy, data);
  }
  FILE* file = fopen(data, "rb");
  if (file == NULL) return NULL;
  char* text = calloc(1 << 16, 1);
  if (text != NULL && fread(text, 1, (1 << 16) - 1, file) == 0) text[0] = 0;
  fclose(file);
  return text;
}

bs_model* bs_model_construct(const char* data, unsigned int seed, char** error_msg) {
  (void)seed; /* nothing random here */
  char* json = read_text(data == NULL ? "" : data);
  bs_model* model = calloc(1, sizeof *model);
  if (json == NULL || model == NULL) {
    fail(error_msg, "the data cannot be read");
    free(json);
    free(model);
    return NULL;
  }
  model->count = read_list(json, "mean", model->mean);
  const int scales = read_list(json, "sd", model->sd);
  free(json);
  bool good = model->count > 0 && scales == model->count;
  for (int i = 0; i < scales; ++i) good = good && model->sd[i] > 0;
  if (!good) {
    fail(error_msg, "mean and sd must be lists of the same length, and sd positive");
    free(model);
    return NULL;
  }
  size_t end = 0;
  for (int i = 1; i <= model->count; ++i) end += (size_t)sprintf(model->names[0] + end, "z.%d,", i);
  strcpy(model->names[1], model->names[0]);
  strcat(model->names[0], "scale");
  strcat(model->names[1], "scale,log_scale");
  return model;
}

void bs_model_destruct(bs_model* model) { free(model); }

const char* bs_name(const bs_model* model) {
  (void)model;
  return "gaussian";
}

/** No function changes a model, so any number of threads may use it; the product below is exact. */
const char* bs_model_info(const bs_model* model) {
  (void)model;
  return "STAN_THREADS=true\nBRIDGESTAN_AD_HESSIAN=true\n";
}

int bs_param_unc_num(const bs_model* model) { return model->count + 1; }
const char* bs_param_unc_names(const bs_model* model) { return model->names[0]; }

int bs_param_num(const bs_model* model, bool include_tp, bool include_gq) {
  (void)include_gq;
  return model->count + 1 + (include_tp ? 1 : 0);
}

const char* bs_param_names(const bs_model* model, bool include_tp, bool include_gq) {
  (void)include_gq;
  return model->names[include_tp ? 1 : 0];
}

int bs_param_constrain(const bs_model* model, bool include_tp, bool include_gq, const double* theta, double* values, bs_rng* rng,
                       char** error_msg) {
  (void)include_gq, (void)rng, (void)error_msg;
  const int n = model->count;
  memcpy(values, theta, (size_t)n * sizeof *values);
  values[n] = exp(theta[n]);
  if (include_tp) values[n + 1] = theta[n];
  return 0;
}

int bs_param_unconstrain(const bs_model* model, const double* values, double* theta, char** error_msg) {
  const int n = model->count;
  if (!(values[n] > 0)) return fail(error_msg, "scale must be positive");
  memcpy(theta, values, (size_t)n * sizeof *theta);
  theta[n] = log(values[n]);
  return 0;
}

int bs_log_density_gradient(const bs_model* model, bool propto, bool jacobian, const double* theta, double* value, double* gradient,
                            char** error_msg) {
  (void)error_msg;
  const int n = model->count;
  double sum = 0;
  for (int i = 0; i < n; ++i) {
    const double standard = (theta[i] - model->mean[i]) / model->sd[i];
    sum -= 0.5 * standard * standard;
    if (!propto) sum -= log(model->sd[i]) + HALF_LOG_2PI;
    if (gradient != NULL) gradient[i] = -standard / model->sd[i];
  }
  /* log-logistic: p(s) = 1 / (1 + s)^2, so that log s has the logistic density; safe for any log s */
  const double t = theta[n];
  sum += -fabs(t) - 2 * log1p(exp(-fabs(t)));
  if (gradient != NULL) gradient[n] = -tanh(0.5 * t);
  if (!jacobian) {
    sum -= t;
    if (gradient != NULL) gradient[n] -= 1;
  }
  *value = sum;
  return 0;
}

int bs_log_density(const bs_model* model, bool propto, bool jacobian, const double* theta, double* value, char** error_msg) {
  return bs_log_density_gradient(model, propto, jacobian, theta, value, NULL, error_msg);
}

int bs_log_density_hessian_vector_product(const bs_model* model, bool propto, bool jacobian, const double* theta, const double* direction,
                                          double* value, double* product, char** error_msg) {
  const int n = model->count;
  for (int i = 0; i < n; ++i) product[i] = -direction[i] / (model->sd[i] * model->sd[i]);
  const double slope = tanh(0.5 * theta[n]);
  product[n] = -0.5 * (1 - slope * slope) * direction[n];
  return bs_log_density(model, propto, jacobian, theta, value, error_msg);
}
