/** What a shared library exports so that variscope can load it as a model. Plain C.
 *
 * Part 1 is the interface that BridgeStan (version 2) gives to every compiled Stan model: a library with these functions is the model
 * `library`. Part 2 is variscope's own extension: log likelihoods of chosen data rows for many parameter vectors at once. A library with
 * both is the model `library_rows`: its rows are those of [data], read, coded, standardised and sharded by variscope.
 *
 * Rules. Functions return 0, or anything else for an error, with *error_msg pointing to a text that bs_free_error_msg frees (it may stay
 * null). They may be called from several threads at once if bs_model_info contains "STAN_THREADS=true", and are guarded otherwise. The
 * result for one parameter vector must not depend on the others of a batch, nor on its place among them: variscope's results are the same
 * bits on any number of ranks and threads only if the library's are.
 */
#ifndef VARISCOPE_PLUGIN_H
/* NOLINTBEGIN(modernize-use-using, readability-identifier-naming): C, with the names of C. */
#define VARISCOPE_PLUGIN_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct bs_model bs_model; /* yours to define */
typedef struct bs_rng bs_rng;

/* ---- Part 1. Source: BridgeStan's documentation of its C interface, https://roualdes.us/bridgestan/latest/languages/c-api.html ---- */

/** 2. */
extern const int bs_major_version;

/** The model for `data`: a path that ends in ".json", a JSON text, or empty. NULL if that fails. */
bs_model* bs_model_construct(const char* data, unsigned int seed, char** error_msg);
void bs_model_destruct(bs_model* model);
void bs_free_error_msg(char* error_msg);

/** Coordinates of the density, and their names: "a,b.1,b.2". The texts live as long as the model. */
int bs_param_unc_num(const bs_model* model);
const char* bs_param_unc_names(const bs_model* model);

/** Log density of the coordinates `theta`, with the log Jacobian of the constraining transform if `jacobian`; constants may be left out if
 *  `propto`. variscope asks for jacobian = true, propto = false. */
int bs_log_density(const bs_model* model, bool propto, bool jacobian, const double* theta, double* value, char** error_msg);
int bs_log_density_gradient(const bs_model* model, bool propto, bool jacobian, const double* theta, double* value, double* gradient,
                            char** error_msg);

/* Optional from here. */

const char* bs_name(const bs_model* model);
/** Looked for in it: "STAN_THREADS=true", and "BRIDGESTAN_AD_HESSIAN=true" (Hessian-vector products are exact, not differences). */
const char* bs_model_info(const bs_model* model);
/** Parameters on the user's scale: "mu,tau,theta.1,theta.2"; matrices column by column; then derived ones (transformed parameters). */
int bs_param_num(const bs_model* model, bool include_tp, bool include_gq);
const char* bs_param_names(const bs_model* model, bool include_tp, bool include_gq);
int bs_param_constrain(const bs_model* model, bool include_tp, bool include_gq, const double* theta, double* values, bs_rng* rng,
                       char** error_msg);
int bs_param_unconstrain(const bs_model* model, const double* values, double* theta, char** error_msg);
int bs_log_density_hessian_vector_product(const bs_model* model, bool propto, bool jacobian, const double* theta, const double* direction,
                                          double* value, double* product, char** error_msg);

/* ---- Part 2: rows of data, batches of parameter vectors. All four functions, or none. ---- */

#define VS_EXTENSION_VERSION 2
#define VS_LANES 8

/** The rows that this process holds, [first, last) of `rows`; they outlive the model. design: row by row, the row
 *  `first` at its start, `columns` numbers each, `stride` numbers from the beginning of one to that of the next; response: one number each,
 *  or NULL. While a study is planned no rows are held: first = last = 0. */
typedef struct vs_table {
  int64_t rows;
  int64_t first;
  int64_t last;
  int64_t columns;
  int64_t stride;
  const char* const* names; /* of the columns */
  const double* design;
  const double* response;
} vs_table;

/** Rows wanted: `indices`, `count` of them, ascending, possibly repeated; or, where indices is NULL, [first, last). They are held. */
typedef struct vs_rows {
  int64_t first;
  int64_t last;
  const int64_t* indices;
  int64_t count;
} vs_rows;

/** Parameter vectors lie in blocks of VS_LANES: coordinate d of vector s at (s / 8) * dim * 8 + d * 8 + s % 8. Whole blocks are there; what
 *  lies behind the last vector may be anything and its results are not looked at. Results lie alike, in rows: the value, then, if
 *  VS_GRADIENT is wanted, dim rows of the gradient. They are set, not added to. A vector that fails gets NaN; an error return is for calls
 *  that fail as a whole. */
typedef enum { VS_VALUE = 1, VS_GRADIENT = 2 } vs_wanted;

/** VS_EXTENSION_VERSION. */
int vs_extension_version(void);
/** Called once, before anything else is asked: coordinates may depend on the columns. */
int vs_attach_table(bs_model* model, const vs_table* table, char** error_msg);
/** Everything but the rows: log prior, log Jacobian. */
int vs_log_prior_batch(const bs_model* model, const double* theta, int64_t count, int wanted, double* out, char** error_msg);
/** Sum of the log likelihoods of the rows. */
int vs_log_likelihood_batch(const bs_model* model, const vs_rows* rows, const double* theta, int64_t count, int wanted, double* out,
                            char** error_msg);

#ifdef __cplusplus
}
#endif

/* NOLINTEND(modernize-use-using, readability-identifier-naming) */
#endif
