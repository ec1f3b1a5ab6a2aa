/// A model's shared library: loaded, its functions found and its version checked.
#pragma once

#include <mutex>
#include <string>

#include "engine/models/library/variscope_plugin.h"

namespace variscope::models {

/// Addresses of the functions of variscope_plugin.h; optional ones may be null.
struct PluginFunctions {
  decltype(&bs_model_construct) construct = nullptr;
  decltype(&bs_model_destruct) destruct = nullptr;
  decltype(&bs_free_error_msg) free_error = nullptr;
  decltype(&bs_param_unc_num) dim = nullptr;
  decltype(&bs_param_unc_names) names = nullptr;
  decltype(&bs_log_density) value = nullptr;
  decltype(&bs_log_density_gradient) gradient = nullptr;
  decltype(&bs_model_info) info = nullptr;  ///< optional, as all that follow
  decltype(&bs_param_num) constrained_count = nullptr;
  decltype(&bs_param_names) constrained_names = nullptr;
  decltype(&bs_param_constrain) constrain = nullptr;
  decltype(&bs_param_unconstrain) unconstrain = nullptr;
  decltype(&bs_log_density_hessian_vector_product) hessian_vector = nullptr;
  decltype(&vs_attach_table) attach = nullptr;  ///< of the extension: all or none
  decltype(&vs_log_prior_batch) prior_batch = nullptr;
  decltype(&vs_log_likelihood_batch) likelihood_batch = nullptr;
  std::mutex* guard = nullptr;  ///< one for the library: what is not thread-safe is its static state, which all its models share
};

/// Loads the library for the life of the process: code that its static objects may still need is never unloaded. A second call finds it
/// loaded. `with_rows`: the extension is needed. UserError "model.library: ..." if there is no such file, it cannot be loaded, functions
/// are missing, or it is of another version.
PluginFunctions load_plugin(const std::string& path, bool with_rows);

}  // namespace variscope::models
