/// `variscope data synth | import | inspect`.
#include <fmt/format.h>

#include <cstdio>
#include <memory>

#include "experiments/command/actions.hpp"
#include "experiments/command/subcommands.hpp"
#include "experiments/dataset/commands.hpp"

namespace variscope::experiments {
namespace {

void add_synth(CLI::App& data, Action& chosen, const Words& words) {
  auto* app = data.add_subcommand("synth", "Make a synthetic table of any size, the same for any number of ranks");
  auto request = std::make_shared<SynthRequest>();
  SynthOptions& made = request->data;
  app->add_option("OUTPUT", made.output, "HDF5 file to write (.h5)")->required();
  add_choice<SynthModel>(
      *app, "--model", made.model,
      {{"logistic", SynthModel::logistic}, {"linear", SynthModel::linear}, {"columnwise_normal", SynthModel::columnwise_normal}},
      "What makes the response; columnwise_normal: a table without one");
  app->add_option("--rows", made.rows, "Rows")->capture_default_str();
  app->add_option("--columns", made.columns, "Columns of the design")->capture_default_str();
  app->add_option("--seed", made.seed, "Seed")->capture_default_str();
  app->add_option("--signal", made.signal, "sd of the linear predictor; columnwise_normal: of the columns' means")->capture_default_str();
  app->add_option("--intercept", made.intercept, "Intercept of the linear predictor; columnwise_normal: centre of the means")
      ->capture_default_str();
  app->add_option("--noise-sd", made.noise_sd, "Residual sd (linear); median of the columns' sds (columnwise_normal)")
      ->capture_default_str();
  app->add_flag("--overwrite", made.overwrite, "Replace a file that is there");
  app->add_option("--ranks", request->ranks, "MPI ranks that write")->check(CLI::Range(1, 1000000))->option_text("N");
  app->add_option("--threads", request->threads, "OpenMP threads of each rank")->check(CLI::Range(1, 4096))->option_text("N");
  app->footer("Example:\n  variscope data synth big.h5 --rows 1000000 --columns 100 --seed 7 --ranks 2");
  app->callback([&chosen, request, &words] {
    chosen = [request, &words] {
      check_synth(request->data);
      return on_ranks(request->ranks, request->threads, words, [request] { return write_synthetic(*request); });
    };
  });
}

void add_import(CLI::App& data, Action& chosen) {
  auto* app = data.add_subcommand("import", "Turn a CSV file into an HDF5 table that ranks read in parallel");
  auto options = std::make_shared<ImportOptions>();
  app->add_option("INPUT", options->input, "CSV file with a header")->required();
  app->add_option("OUTPUT", options->output, "HDF5 file to write (.h5)")->required();
  app->add_option("--response", options->response, "Column that models explain");
  app->add_flag("--overwrite", options->overwrite, "Replace a file that is there");
  app->footer("Example:\n  variscope data import patients.csv patients.h5 --response malignant");
  app->callback([&chosen, options] {
    chosen = [options] {
      const Index rows = import_data(*options);
      fmt::print("{}: {} rows\n", options->output, rows);
      return 0;
    };
  });
}

void add_inspect(CLI::App& data, Action& chosen) {
  auto* app = data.add_subcommand("inspect", "Describe a CSV or HDF5 table: columns, ranges, missing values");
  auto file = std::make_shared<std::string>();
  app->add_option("FILE", *file, "CSV or HDF5 file")->required();
  app->footer("Example:\n  variscope data inspect patients.csv");
  app->callback([&chosen, file] {
    chosen = [file] {
      fmt::print("{}", describe(inspect_data(*file)));
      return 0;
    };
  });
}

}  // namespace

void add_data(CLI::App& program, Action& chosen, const Words& words) {
  auto* app = program.add_subcommand("data", "Make, import and inspect data files");
  app->require_subcommand(1);
  add_synth(*app, chosen, words);
  add_import(*app, chosen);
  add_inspect(*app, chosen);
}

}  // namespace variscope::experiments
