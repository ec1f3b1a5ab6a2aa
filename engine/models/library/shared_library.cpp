/// dlopen and dlsym.
#include "engine/models/library/shared_library.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

#include <filesystem>
#include <map>

#include "engine/error.hpp"

namespace variscope::models {
namespace {

constexpr int kBridgeStanVersion = 2;

/// The mutex of a loaded library, for the life of the process.
std::mutex* guard_of(void* handle) {
  static std::mutex mutex;
  static std::map<void*, std::mutex> guards;
  const std::lock_guard<std::mutex> lock(mutex);
  return &guards[handle];
}

class Symbols {
 public:
  Symbols(void* handle, const std::string& path) : handle_(handle), path_(path) {}

  template <class Function>
  void find(Function*& function, const char* name) const {
    function = reinterpret_cast<Function*>(dlsym(handle_, name));
  }
  template <class Function>
  void need(Function*& function, const char* name) const {
    find(function, name);
    if (function != nullptr) return;
    const bool first_version = dlsym(handle_, "bs_construct") != nullptr;
    throw UserError(
        fmt::format("model.library: '{}' has no function {} ({}). {}", path_, name,
                    first_version ? "it was made with BridgeStan 1, and the interface of BridgeStan 2 is expected"
                                  : "the interface of BridgeStan 2 is expected",
                    first_version ? "Compile the model anew." : "Compile a Stan model with BridgeStan, or see variscope_plugin.h."));
  }
  [[nodiscard]] void* address(const char* name) const { return dlsym(handle_, name); }

 private:
  void* handle_;
  const std::string& path_;
};

void check_version(const Symbols& symbols, const std::string& path) {
  const auto* version = static_cast<const int*>(symbols.address("bs_major_version"));
  const int found = version == nullptr ? 1 : *version;
  if (found == kBridgeStanVersion) return;
  throw UserError(
      fmt::format("model.library: '{}' is of version {} of BridgeStan's interface (version {} is known). Compile the model anew.", path,
                  found, kBridgeStanVersion));
}

void find_extension(const Symbols& symbols, const std::string& path, PluginFunctions& functions) {
  decltype(&vs_extension_version) version = nullptr;
  symbols.find(version, "vs_extension_version");
  if (version == nullptr) {
    throw UserError(fmt::format(
        "model.library: '{}' has no function vs_extension_version (rows of [data] go to libraries with variscope's extension). Use "
        "model.name = \"library\", or see variscope_plugin.h.",
        path));
  }
  if (version() != VS_EXTENSION_VERSION) {
    throw UserError(fmt::format("model.library: '{}' is of version {} of the extension (version {} is known). Compile the library anew.",
                                path, version(), VS_EXTENSION_VERSION));
  }
  symbols.need(functions.attach, "vs_attach_table");
  symbols.need(functions.prior_batch, "vs_log_prior_batch");
  symbols.need(functions.likelihood_batch, "vs_log_likelihood_batch");
}

}  // namespace

PluginFunctions load_plugin(const std::string& path, bool with_rows) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored))
    throw UserError(
        fmt::format("model.library: no file '{}' (a shared library is expected; relative paths start at the spec). Check the path.", path));
  // A path without a slash would be looked for in the system's directories.
  void* handle = dlopen(std::filesystem::absolute(path).c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr)
    throw UserError(fmt::format("model.library: '{}' cannot be loaded ({}). Compile it for this machine.", path, dlerror()));
  const Symbols symbols(handle, path);
  PluginFunctions functions;
  functions.guard = guard_of(handle);
  symbols.need(functions.construct, "bs_model_construct");
  check_version(symbols, path);
  symbols.need(functions.destruct, "bs_model_destruct");
  symbols.need(functions.free_error, "bs_free_error_msg");
  symbols.need(functions.dim, "bs_param_unc_num");
  symbols.need(functions.names, "bs_param_unc_names");
  symbols.need(functions.value, "bs_log_density");
  symbols.need(functions.gradient, "bs_log_density_gradient");
  symbols.find(functions.info, "bs_model_info");
  symbols.find(functions.constrained_count, "bs_param_num");
  symbols.find(functions.constrained_names, "bs_param_names");
  symbols.find(functions.constrain, "bs_param_constrain");
  symbols.find(functions.unconstrain, "bs_param_unconstrain");
  symbols.find(functions.hessian_vector, "bs_log_density_hessian_vector_product");
  if (with_rows) find_extension(symbols, path, functions);
  return functions;
}

}  // namespace variscope::models
