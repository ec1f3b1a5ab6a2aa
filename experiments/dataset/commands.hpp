/// What `variscope data inspect | import | synth` do, as plain functions.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cluster/communicator/communicator.hpp"
#include "engine/index.hpp"
#include "experiments/dataset/dataset.hpp"

namespace variscope::experiments {

/// One column of a data file. mean, sd (1/N), minimum and maximum are of the cells that are finite numbers; NaN if there are none.
struct ColumnInfo {
  std::string name;
  std::string type;  ///< "number", "whole" (every number is), "text" (some cell is no number)
  double mean = 0;
  double sd = 0;
  double minimum = 0;
  double maximum = 0;
  Index missing = 0;      ///< empty, NA, NaN, null, ...
  Index non_finite = 0;   ///< missing, NaN or infinite
  bool binary = false;    ///< every cell is 0 or 1: can be the response of a classification
  bool constant = false;  ///< cannot be standardised
  /// What the column would have as a categorical one, sorted. Only of text and whole numbers, and only if there are at most kShownLevels.
  std::vector<std::string> levels;
  static constexpr Index kShownLevels = 1000;
};

struct DatasetInfo {
  std::string path;
  std::string format;  ///< "csv", "tsv", "hdf5", "npy", "libsvm"
  Index rows = 0;
  std::string response;             ///< HDF5: the file's own; CSV: empty, the spec names it
  std::vector<ColumnInfo> columns;  ///< the response last where it is known
};

/// Reads the whole file as a stream. Memory O(columns).
DatasetInfo inspect_data(const std::string& file);

/// The table that `variscope data inspect` prints, ending in a line break.
std::string describe(const DatasetInfo& info);

struct ImportOptions {
  std::string input;     ///< .csv or .tsv
  std::string output;    ///< .h5 or .hdf5
  std::string response;  ///< empty: no response
  bool overwrite = false;
};

/// CSV to HDF5, as a stream, written beside and renamed. The file carries the source's name and SHA-256. Returns the number of rows.
Index import_data(const ImportOptions& options);

enum class SynthModel { logistic, linear, columnwise_normal };

/// Design N(0, 1); coefficients N(0, signal^2 / columns); response Bernoulli(sigmoid(eta)) or eta + noise_sd N(0, 1),
/// eta = intercept + x . coefficients. columnwise_normal: no response; x_j ~ N(mean_j, sd_j^2), mean_j ~ N(intercept, signal^2), sd_j =
/// noise_sd exp(N(0, 1) / 2). Row n is a function of (seed, n, columns) alone: not of the number of rows or ranks.
struct SynthOptions {
  std::string output;  ///< .h5 or .hdf5
  SynthModel model = SynthModel::logistic;
  Index rows = 100000;
  Index columns = 100;
  std::uint64_t seed = 1;
  double signal = 1.0;
  double intercept = 0.0;
  double noise_sd = 1.0;  ///< linear: of the residual; columnwise_normal: median of the columns' sds
  bool overwrite = false;
};

/// UserError if the options make no sense or the output exists.
void check_synth(const SynthOptions& options);

/// The coefficients that the data are made with: `columns` of them and the intercept, last; of columnwise_normal the means, then the sds.
/// Stored in the file as /truth.
std::vector<double> synth_truth(const SynthOptions& options);

/// The three steps of writing: one process lays the file out, each writes its share of the rows, one makes the file appear.
void create_synth(const SynthOptions& options);
void write_synth_share(const SynthOptions& options, Range rows);
void finish_synth(const SynthOptions& options);

/// All of it, each rank its balanced range of rows. Collective; an error of one rank becomes an error of all.
void synth_data(const SynthOptions& options, const cluster::Communicator& ranks);

/// Rows [rows.first, rows.last): design row-major into `design`, response (if the model has one) into `response`, truth as from
/// synth_truth.
void synth_rows(const SynthOptions& options, const std::vector<double>& truth, Range rows, double* design, double* response);

}  // namespace variscope::experiments
