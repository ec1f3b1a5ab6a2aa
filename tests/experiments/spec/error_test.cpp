/// Every error of a spec: its place, its reason and its suggestion, on one line.
#include <gtest/gtest.h>

#include <string>

#include "engine/error.hpp"
#include "engine/estimators/estimator.hpp"
#include "experiments/spec/spec.hpp"

namespace variscope::experiments {
namespace {

std::string an_estimator() { return estimators::catalogue().front().name; }

/// A valid spec of eight lines; tests add lines below it.
std::string banana() {
  return "[study]\nname = \"s\"\n\n[model]\nname = \"banana\"\n\n[estimators]\nnames = [\"" + an_estimator() + "\"]\n";
}

std::string error_of(const std::string& text) {
  try {
    parse_spec(text, "s.toml");
  } catch (const UserError& error) {
    std::string message = error.what();
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
    return message;
  }
  return "no error";
}

/// The error starts with `start` and contains `suggestion`.
void expect_error(const std::string& text, const std::string& start, const std::string& suggestion = "") {
  const std::string message = error_of(text);
  EXPECT_EQ(message.substr(0, start.size()), start) << message;
  EXPECT_NE(message.find(suggestion), std::string::npos) << message << "\nlacks: " << suggestion;
}

TEST(SpecError, UnknownKeyHasPlaceAndNearestName) {
  expect_error(banana() + "[path]\nstpes = 5\n", "s.toml:10:1: unknown key 'path.stpes' (keys of [path]: steps, ",
               "Did you mean 'path.steps'?");
  expect_error(banana() + "[path]\n  step_sizes = 5\n", "s.toml:10:3: ", "Did you mean 'path.step_size'?");
  expect_error(banana() + "path.stpes = 5\n", "s.toml:9:1: unknown key 'estimators.path'");
  expect_error("objectiv = \"elbo\"\n" + banana(), "s.toml:1:1: unknown key 'objectiv'", "Did you mean 'objective'?");
  expect_error("path.stpes = 3\n" + banana(), "s.toml:1:6: unknown key 'path.stpes'", "Did you mean 'path.steps'?");
}

TEST(SpecError, KeyInTheWrongTable) {
  expect_error(banana() + "[path]\nrow_tile = 64\n", "s.toml:10:1: unknown key 'path.row_tile'", "Did you mean 'data.row_tile'?");
  expect_error("row_tile = 64\n" + banana(), "s.toml:1:1: unknown key 'row_tile'", "Did you mean 'data.row_tile'?");
}

TEST(SpecError, UnknownTable) {
  expect_error(banana() + "[replicate]\ncount = 5\n", "s.toml:9:1: unknown table 'replicate' (tables: study, data, ",
               "Did you mean 'replicates'?");
  expect_error("path = 5\n" + banana(), "s.toml:1:8: path is a whole number (must be a table)", "[path]");
  expect_error(banana() + "[objective]\nname = \"elbo\"\n",
               "s.toml:9:1: objective is a table (must be one of: elbo, expectation, importance_bound)");
  expect_error(banana() + "[path.adam]\nsteps = 5\n", "s.toml:9:7: unknown key 'path.adam'");
}

TEST(SpecError, WrongType) {
  expect_error(banana() + "samples = \"8\"\n", "s.toml:9:11: estimators.samples is a text (must be a whole number of at least 1)",
               "Remove the quotes.");
  expect_error(banana() + "samples = 8.0\n", "s.toml:9:11: estimators.samples is a real number", "Write 8.");
  expect_error(banana() + "samples = 8.5\n", "s.toml:9:11: estimators.samples is a real number");
  expect_error(banana() + "samples = 2020-01-01\n", "s.toml:9:11: estimators.samples is a date or time");
  expect_error(banana() + "row_policy = 1\n", "s.toml:9:14: estimators.row_policy is a whole number (must be one of: ", "double quotes");
  expect_error("[data]\nstandardize = 1\n" + banana(), "s.toml:2:15: data.standardize is a whole number (must be true or false)");
  expect_error("[data]\nstandardize = \"true\"\n" + banana(), "s.toml:2:15: ", "Remove the quotes.");
  expect_error(banana() + "row_policy = \"disjont\"\n", "s.toml:9:14: unknown value 'disjont' of estimators.row_policy", "disjoint");
  expect_error(banana() + "replacement = true\n", "s.toml:9:1: unknown key 'estimators.replacement'");
  expect_error(banana() + "[path]\nstep_size = [0.1, true]\n", "s.toml:10:19: path.step_size is true or false (must be a number above 0");
  expect_error(banana() + "[path]\nstep_size = [[0.1]]\n", "s.toml:10:14: path.step_size is a list");
  expect_error(banana() + "[path]\npoints = [0, [50]]\n", "s.toml:10:11: path.points mixes lists and single values", "brackets");
  expect_error("[study]\nname = 5\n", "s.toml:2:8: study.name is a whole number (must be a text)", "double quotes");
  expect_error(banana() + "batch_rows = \"every\"\n", "s.toml:9:14: estimators.batch_rows is a text (must be \"all\" or a whole number");
}

TEST(SpecError, OutOfRange) {
  expect_error(banana() + "samples = 0\n", "s.toml:9:11: estimators.samples = 0 is out of range (must be a whole number of at least 1)");
  expect_error(banana() + "samples = [4, -1]\n", "s.toml:9:15: estimators.samples = -1 is out of range");
  expect_error(banana() + "batch_rows = 0\n", "s.toml:9:14: estimators.batch_rows = 0 is out of range", "Write \"all\" for all rows.");
  expect_error(banana() + "[replicates]\nbatches = 257\n", "s.toml:10:11: replicates.batches = 257 is out of range");
  expect_error(banana() + "[replicates]\nbatches = 1\n", "s.toml:10:11: replicates.batches = 1 is out of range");
  expect_error(banana() + "[path]\npoints = [0, 101]\n", "s.toml:10:14: path.points = 101 is out of range (must be at most 100)");
  expect_error(banana() + "[path]\npoints = [0, 50, 10]\n", "s.toml:10:18: path.points are not increasing");
  expect_error(banana() + "[path]\nstep_size = 0\n", "s.toml:10:13: path.step_size = 0 is out of range (must be a number above 0)");
  expect_error(banana() + "[path]\nstep_size = inf\n", "s.toml:10:13: ");
  expect_error(banana() + "[path]\nstep_size = nan\n", "s.toml:10:13: ");
  expect_error("[study]\nseed = -1\n", "s.toml:2:8: study.seed = -1 is out of range (must be a whole number from 0 to 2^63 - 1)");
  expect_error("[study]\nseed = 9223372036854775808\n", "s.toml:2:27: not valid TOML");
  expect_error(banana() + "[family]\ninitial_sd = [1, 0]\n", "s.toml:10:18: family.initial_sd = 0 is out of range");
  expect_error(banana() + "[limits]\nmemory_gib = -1\n", "s.toml:10:14: limits.memory_gib = -1 is out of range");
}

TEST(SpecError, RowTileIsAPowerOfTwo) {
  const std::string data = banana() + "[data]\nrow_tile = ";
  expect_error(data + "100\n", "s.toml:10:12: data.row_tile = 100 is out of range (must be a power of two from 16 to 65536)", "Try 128.");
  expect_error(data + "8\n", "s.toml:10:12: ");
  expect_error(data + "131072\n", "s.toml:10:12: ");
}

TEST(SpecError, MissingKeys) {
  expect_error("", "s.toml: missing key 'study.name'", "Add name = \"...\" to [study].");
  expect_error("[study]\nname = \"s\"\n", "s.toml: missing key 'model.name'");
  expect_error("[study]\nname = \"s\"\n[model]\nscale = 1\n", "s.toml:3:1: missing key 'model.name'");
  expect_error("[study]\nname = \"s\"\n[model]\nname = \"banana\"\n", "s.toml: missing key 'estimators.names'");
  expect_error("[study]\nname = \"s\"\n[model]\nname = \"gaussian\"\n[estimators]\nnames = [\"" + an_estimator() + "\"]\n",
               "s.toml:4:8: missing key 'model.precision'", "add precision = ... to [model]");
}

TEST(SpecError, UnknownNames) {
  expect_error("[model]\nname = \"bananna\"\n", "s.toml:2:8: unknown model 'bananna' (valid: ", "Did you mean 'banana'?");
  const std::string wrong = an_estimator() + "x";
  expect_error("[estimators]\nnames = [\n  \"" + wrong + "\"]\n",
               "s.toml:3:3: unknown estimator '" + wrong + "' (valid: ", "Did you mean '" + an_estimator() + "'?");
  expect_error("[estimators]\nnames = [\"zzzzzzzzzzzzzzzzzzz\"]\n", "s.toml:2:10: unknown estimator 'zzzzzzzzzzzzzzzzzzz' (valid: ");
  expect_error(banana() + "[family]\nname = \"mean_field_gausian\"\n", "s.toml:10:8: unknown family",
               "Did you mean 'mean_field_gaussian'?");
  expect_error(banana() + "[reference]\nmethod = \"exakt\"\n", "s.toml:10:10: unknown value 'exakt' of reference.method",
               "Did you mean 'exact'?");
}

TEST(SpecError, KeysOfTheModel) {
  expect_error("[model]\nname = \"banana\"\ncurvatur = 1\n",
               "s.toml:3:1: unknown key 'model.curvatur' (keys of model banana: ", "Did you mean 'model.curvature'?");
  expect_error("[model]\nscale = \"3\"\nname = \"banana\"\n", "s.toml:2:9: model.scale is a text (must be a number)");
  expect_error("[model]\nname = \"gaussian\"\nprecision = [[1, 0], [0]]\n", "s.toml:3:22: model.precision has rows of 2 and 1 numbers");
}

TEST(SpecError, ModelsOwnErrorsHaveAPlace) {
  const std::string rest = "[study]\nname = \"s\"\n[estimators]\nnames = [\"" + an_estimator() + "\"]\n";
  expect_error("[model]\nname = \"gaussian\"\nprecision = [1, 2, 3]\n" + rest, "s.toml:3:13: model.precision: ");
}

TEST(SpecError, DataOnlyWhereTheModelTakesThem) {
  expect_error(banana() + "[data]\nfile = \"x.csv\"\n", "s.toml:10:1: data.file is given (model 'banana' takes no data)", "Remove [data]");
  const std::string logistic =
      "[study]\nname = \"s\"\n[model]\nname = \"logistic_regression\"\n[estimators]\nnames = [\"" + an_estimator() + "\"]\n";
  expect_error(logistic, "s.toml:4:8: missing key 'data.file'", "Add file = \"...\" to [data].");
  expect_error(logistic + "[data]\nfile = \"x.csv\"\n", "s.toml:4:8: missing key 'data.response'");
  expect_error(logistic + "[data]\nfile = \"\"\n", "s.toml:8:8: data.file is empty");
}

TEST(SpecError, StudyNameIsADirectoryName) {
  for (const std::string name : {"a b", "", "..", "a/b", "-x", "\\u00e9"}) {
    expect_error("[study]\nname = \"" + name + "\"\n", "s.toml:2:8: study.name '", "cannot name a directory");
  }
}

TEST(SpecError, NotToml) {
  expect_error("[study\nname = 1\n", "s.toml:1:7: not valid TOML");
  expect_error("[study]\nname = \"a\"\nname = \"b\"\n", "s.toml:3:");
}

TEST(SpecError, SweepsThatMakeNoSense) {
  expect_error(banana() + "samples = []\n", "s.toml:9:11: estimators.samples is an empty list");
  expect_error(banana() + "samples = [4, 8, 4]\n", "s.toml:9:18: estimators.samples takes the value 4 twice");
  expect_error("[study]\nname = [\"a\", \"b\"]\n", "s.toml:2:8: study.name is a list (it holds for the whole study");
  expect_error(
      "[study]\nname = \"s\"\n[model]\nname = \"banana\"\n[estimators]\nnames = [\"" + an_estimator() + "\", \"" + an_estimator() + "\"]\n",
      "s.toml:6:", "stands twice in estimators.names");
  expect_error("[estimators]\nnames = []\n", "s.toml:2:9: estimators.names is an empty list");
  std::string many = "samples = [1";
  for (int i = 2; i <= 1000; ++i) many += ", " + std::to_string(i);
  std::string seeds = "[study]\nname = \"s\"\nseed = [1";
  for (int i = 2; i <= 1000; ++i) seeds += ", " + std::to_string(i);
  expect_error(banana().substr(19) + many + "]\n" + seeds + "]\n", "s.toml:10:1: the sweeps make more than 100000 cells");
}

TEST(SpecError, CountsThatDoNotFit) {
  expect_error(banana() + "[replicates]\ncount = 100\n", "s.toml:10:9: replicates.count = 100 is less than replicates.batches = 128",
               "Set batches = 100 or less.");
  expect_error(banana() + "[path]\npoints = []\noptimum = false\n", "s.toml:10:10: path.points is an empty list");
}

TEST(SpecError, SamplesThatAnEstimatorRefuses) {
  const estimators::Entry* paired = nullptr;
  for (const estimators::Entry& entry : estimators::catalogue()) {
    if (entry.bad_samples && entry.bad_samples(7) && !entry.bad_samples(8)) paired = &entry;
  }
  ASSERT_NE(paired, nullptr) << "the antithetic estimator refuses odd numbers of samples";
  const std::string head =
      "[study]\nname = \"s\"\n[model]\nname = \"banana\"\n[estimators]\nnames = [\"" + paired->name + "\"]\nsamples = ";
  expect_error(head + "7\n", "s.toml:7:11: estimators.samples = 7 is impossible for estimator '" + paired->name + "'",
               "Use 6 or 8, or leave");
  expect_error(head + "[8, 7]\n", "s.toml:7:15: ");
  EXPECT_EQ(error_of(head + "[8, 7]\n[[exclude]]\nwhen = { \"estimators.samples\" = 7 }\nreason = \"pairs\"\n"), "no error");
}

TEST(SpecError, Exclusions) {
  const std::string swept = banana() + "samples = [4, 8]\n[[exclude]]\n";
  const std::string reason = "reason = \"r\"\n";
  expect_error(swept + "when = { \"estimators.samples\" = 4 }\n", "s.toml:10:1: missing key 'exclude.reason'");
  expect_error(swept + "when = { \"estimators.samples\" = 4 }\nreason = \" \"\n", "s.toml:12:10: exclude.reason is not a text, or empty");
  expect_error(swept + reason, "s.toml:10:1: missing key 'exclude.when'");
  expect_error(swept + reason + "when = { \"estimators.sample\" = 4 }\n",
               "s.toml:12:10: 'estimators.sample' is not swept (swept keys: estimators.samples)", "Did you mean 'estimators.samples'?");
  expect_error(swept + reason + "when = { \"model.name\" = \"banana\" }\n", "s.toml:12:10: 'model.name' is not swept");
  expect_error(swept + reason + "when = { \"estimators.samples\" = 5 }\n",
               "s.toml:12:33: estimators.samples is never 5 (its values: 4, 8)");
  expect_error(swept + reason + "when = { \"estimators.samples\" = \"4\" }\n", "s.toml:12:33: estimators.samples is a text");
  expect_error(swept + reason + "when = { \"estimators.samples\" = [4, 8] }\n", "s.toml:10:1: the exclusions remove every cell");
  expect_error(swept + reason + "wenn = 4\n", "s.toml:12:1: unknown key 'exclude.wenn'", "Did you mean 'when'?");
  expect_error(banana() + "samples = [4, 8]\n[exclude]\n" + reason, "s.toml:10:1: exclude is a table", "[[exclude]]");
}

TEST(SpecError, Files) {
  const auto read_error = [](const std::string& file) -> std::string {
    try {
      read_spec(file);
    } catch (const UserError& error) {
      return error.what();
    }
    return "no error";
  };
  EXPECT_EQ(read_error("/nowhere/s.toml"), "/nowhere/s.toml: cannot be read (No such file or directory). Give the path of a .toml file.");
  EXPECT_EQ(read_error("/"), "/: is a directory. Give the path of a .toml file.");
}

}  // namespace
}  // namespace variscope::experiments
