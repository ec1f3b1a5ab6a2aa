/// A density from a shared library: any Stan model compiled with BridgeStan, or a plug-in with rows and batches.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/models/catalogue.hpp"
#include "engine/models/fallible.hpp"
#include "engine/models/library/shared_library.hpp"
#include "engine/models/model.hpp"

namespace variscope::models {

/// How calls from several threads are made: at once, one after the other, or as the library's info says.
enum class PluginThreads { by_info, safe, guarded };

/// Without a table the whole density (log Jacobian included, no constants left out) is the log prior, one call a column. With one, the
/// library's extension gives log prior and the likelihood of rows for whole batches.
/// Without a table, the library makes its model once in a process for the same library, data and seed, and keeps it: planning and running
/// share it.
///
/// A call that fails (an error returned, an exception thrown) gives its column the value -infinity and a gradient of NaN; a batch that
/// fails is tried again column by column. Such columns, and those whose results are not finite, are counted. Nothing else is disturbed.
class LibraryModel final : public Model, public Fallible {
 public:
  /// `data`: as bs_model_construct takes it, paths complete. The table outlives the model. UserError "model.library: ..." or "model.data:
  /// ..." if the library cannot be used, or refuses the data.
  LibraryModel(const std::string& path, const std::string& data, unsigned seed, PluginThreads threads, const data::Table* table);

  [[nodiscard]] Index dim() const override { return dim_; }
  [[nodiscard]] Index rows() const override { return table_ == nullptr ? 0 : table_->rows; }
  [[nodiscard]] std::vector<std::string> parameter_names() const override;
  /// Parameters, then transformed parameters; arrays row by row.
  [[nodiscard]] std::vector<Variable> variables() const override { return variables_; }
  void constrain(ConstBatchView theta, BatchView out) const override;
  void unconstrain(std::span<const double> values, std::span<double> theta) const override;

  void log_prior(ConstBatchView theta, Evaluation& out) const override;
  void log_likelihood(const RowList& rows, ConstBatchView theta, Evaluation& out) const override;
  /// Only if the library says that its products are exact, no differences of gradients.
  [[nodiscard]] bool has_hessian_vector() const override;

  /// Whether several threads call the library at once.
  [[nodiscard]] bool concurrent() const { return concurrent_; }

 private:
  /// Calls the library; "" or what went wrong.
  template <class Call>
  std::string call(const Call& function) const;
  std::string take_message(char* message) const;
  /// A library's model of these data, made anew; UserError if it refuses them.
  std::shared_ptr<bs_model> construct(const std::string& data, unsigned seed) const;
  void column(const double* theta, const double* direction, Wanted wanted, double* result) const;
  template <class Batched>
  void batch(ConstBatchView theta, Evaluation& out, const Batched& batched) const;
  void find_variables();

  std::string path_;
  PluginFunctions functions_;
  std::shared_ptr<bs_model> model_;
  const data::Table* table_;
  std::vector<const char*> column_names_;
  Index dim_ = 0;
  bool concurrent_ = false;
  bool exact_products_ = false;
  std::vector<Variable> variables_;
  std::vector<std::size_t> order_;  ///< of the library's values in ours; empty: no names given
  Index parameters_ = 0;            ///< values that unconstrain takes
};

/// Variables from Stan's names ("tau", "theta.1", "L.1.1,L.2.1,..."; arrays with the first index fastest). order[k]: where entry k of the
/// variables, row by row, stands among the names. What is no complete array is left as scalars.
std::vector<Variable> group_variables(const std::vector<std::string>& names, std::vector<std::size_t>& order);

Entry library_entry();
Entry library_rows_entry();

}  // namespace variscope::models
