/// Values, sweeps, exclusions and the product's order; settings written back as texts.
#include "experiments/spec/spec.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "engine/estimators/estimator.hpp"
#include "experiments/spec/resolve.hpp"

namespace variscope::experiments {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

std::string name_of(std::size_t estimator) { return estimators::catalogue().at(estimator).name; }
std::string head(const std::string& model) { return "[study]\nname = \"s\"\n[model]\nname = " + model + "\n"; }
std::string tail() { return "[estimators]\nnames = [\"" + name_of(0) + "\"]\nsamples = 8\n"; }
Spec parse(const std::string& text) { return parse_spec(text, "dir/s.toml"); }

TEST(Spec, DefaultsAndModelParametersAreFilledIn) {
  const Spec spec = parse(head("\"banana\"") + "curvature = 1\n" + tail());
  ASSERT_EQ(spec.cells.size(), 1u);
  const Settings& s = spec.cells[0].settings;
  EXPECT_TRUE(spec.cells[0].swept.empty());
  EXPECT_EQ(s.study.seed, 1u);
  EXPECT_EQ(s.model.numbers.at("curvature"), std::vector<double>{1.0});
  EXPECT_EQ(s.model.numbers.at("scale"), std::vector<double>{3.0});
  EXPECT_EQ(s.path.points, (std::vector<double>{0, 10, 50, 100}));
  EXPECT_EQ(s.estimators.samples, 8);
}

TEST(Spec, EveryKindOfValue) {
  const Spec spec = parse(
      "objective = \"expectation\"\n[study]\nname = \"a.B-c_1\"\nseed = 9223372036854775807\n[model]\nname = \"logistic_regression\"\n"
      "[data]\nfile = \"../x.csv\"\nresponse = \"y\"\nstandardize = false\nrow_tile = 64\n[family]\ninitial_mean = 2\ninitial_sd = [1, "
      "2.5]\nrank = 4\ncomponents = 5\ncategories = 6\n"
      "[path]\nsteps = 7\nstep_size = 1\nbatch_rows = \"all\"\npoints = []\n" +
      tail() +
      "batch_rows = 7\nrow_policy = \"with_replacement\"\nreplicas = 3\nnoise_policy = \"shared\"\n"
      "[components]\ndesigns = 5\nrow_sets = 6\nnoise_sets = 7\n");
  const Settings& s = spec.cells.at(0).settings;
  EXPECT_EQ(s.objective, "expectation");
  EXPECT_EQ(s.study.seed, 9223372036854775807u);
  EXPECT_EQ(s.data.file, "../x.csv");
  EXPECT_EQ(spec_directory(spec.file), "dir");
  EXPECT_EQ(spec_directory("s.toml"), ".");
  EXPECT_EQ(output_directory(s), "runs/a.B-c_1");
  EXPECT_FALSE(s.data.standardize);
  EXPECT_EQ(s.data.row_tile, 64);
  EXPECT_EQ(s.family.initial_mean, std::vector<double>{2.0});
  EXPECT_EQ(s.family.initial_sd, (std::vector<double>{1.0, 2.5}));
  EXPECT_EQ(s.family.rank, 4);
  EXPECT_EQ(s.family.components, 5);
  EXPECT_EQ(s.family.categories, 6);
  EXPECT_EQ(s.path.step_size, 1.0);
  EXPECT_EQ(s.path.batch_rows, 0);
  EXPECT_TRUE(s.path.points.empty());
  EXPECT_EQ(s.estimators.batch_rows, 7);
  EXPECT_EQ(s.estimators.row_policy, "with_replacement");
  EXPECT_EQ(s.estimators.replicas, 3);
  EXPECT_EQ(s.estimators.noise_policy, "shared");
  EXPECT_EQ(s.components.designs, 5);
  EXPECT_EQ(s.components.row_sets, 6);
  EXPECT_EQ(s.components.noise_sets, 7);
}

TEST(Spec, ProductInTheOrderOfTheFileLastKeyFastest) {
  const Spec spec = parse(head("\"banana\"") + "[path]\nstep_size = [0.1, 0.05]\nbatch_rows = [\"all\", 5]\n[estimators]\nnames = [[\"" +
                          name_of(0) + "\"], [\"" + name_of(0) + "\", \"" + name_of(1) + "\"]]\nsamples = 8\n");
  ASSERT_EQ(spec.cells.size(), 8u);
  const std::string one = "[" + name_of(0) + "]";
  const std::string two = "[" + name_of(0) + ", " + name_of(1) + "]";
  const auto swept = [](const std::string& a, const std::string& b, const std::string& c) {
    return Pairs{{"path.step_size", a}, {"path.batch_rows", b}, {"estimators.names", c}};
  };
  EXPECT_EQ(spec.cells[0].swept, swept("0.1", "all", one));
  EXPECT_EQ(spec.cells[1].swept, swept("0.1", "all", two));
  EXPECT_EQ(spec.cells[2].swept, swept("0.1", "5", one));
  EXPECT_EQ(spec.cells[4].swept, swept("0.05", "all", one));
  EXPECT_EQ(spec.cells[7].swept, swept("0.05", "5", two));
  EXPECT_EQ(spec.cells[7].settings.estimators.names.size(), 2u);
  EXPECT_EQ(spec.cells[7].settings.path.batch_rows, 5);
}

TEST(Spec, ListsOfListsSweepLists) {
  const Spec spec = parse(head("\"banana\"") + "[path]\npoints = [[0, 100], []]\n" + tail());
  ASSERT_EQ(spec.cells.size(), 2u);
  EXPECT_EQ(spec.cells[0].settings.path.points, (std::vector<double>{0, 100}));
  EXPECT_EQ(spec.cells[1].swept, (Pairs{{"path.points", "[]"}}));
}

TEST(Spec, AListSweepsAScalarParameterButIsTheValueOfAVector) {
  const Spec scalars = parse(head("\"univariate\"") + "k = [0, 3]\nfunction = [\"square\", \"cosine\"]\n" + tail());
  ASSERT_EQ(scalars.cells.size(), 4u);
  EXPECT_EQ(scalars.cells[1].swept, (Pairs{{"model.k", "0"}, {"model.function", "cosine"}}));
  EXPECT_EQ(scalars.cells[3].settings.model.words.at("function"), "cosine");

  const Spec flat = parse(head("\"gaussian\"") + "precision = [2, 0, 0, 1]\nmean = [1, 2]\n" + tail());
  const Spec rows = parse(head("\"gaussian\"") + "precision = [[2, 0], [0, 1]]\nmean = [1, 2]\n" + tail());
  ASSERT_EQ(flat.cells.size(), 1u);
  EXPECT_EQ(to_pairs(flat.cells[0].settings), to_pairs(rows.cells.at(0).settings));
  EXPECT_EQ(rows.cells[0].settings.model.numbers.at("mean"), (std::vector<double>{1, 2}));

  const Spec matrices =
      parse(head("\"gaussian\"") + "precision = [[[2, 0], [0, 1]], [[1, 0], [0, 1]]]\nmean = [[1, 2], [0, 0]]\n" + tail());
  ASSERT_EQ(matrices.cells.size(), 4u);
  EXPECT_EQ(matrices.cells[1].swept, (Pairs{{"model.precision", "[2, 0, 0, 1]"}, {"model.mean", "[0, 0]"}}));
}

// Layers are no matrix: two lists are two networks, not one of two layers.
TEST(Spec, ListsOfListsSweepAModelsVector) {
  const Spec spec = parse(head("\"normal_mixture\"") + "weights = [[0.5, 0.5], [0.1, 0.9]]\nmeans = [[-1], [2]]\n" + tail());
  ASSERT_EQ(spec.cells.size(), 2u);
  EXPECT_EQ(spec.cells[1].settings.model.numbers.at("weights"), (std::vector<double>{0.1, 0.9}));
  EXPECT_EQ(spec.cells[1].settings.model.numbers.at("means"), (std::vector<double>{-1, 2}));
}

TEST(Spec, KeysOfOneModelDoNotMultiplyTheCellsOfAnother) {
  const Spec spec = parse(head("[\"banana\", \"gaussian\"]") + "scale = [1, 2]\nprecision = [[1, 0], [0, 1]]\n" + tail());
  ASSERT_EQ(spec.cells.size(), 3u);
  EXPECT_EQ(spec.cells[1].swept, (Pairs{{"model.name", "banana"}, {"model.scale", "2"}}));
  EXPECT_EQ(spec.cells[2].swept, (Pairs{{"model.name", "gaussian"}, {"model.scale", "-"}}));
  EXPECT_EQ(spec.cells[0].settings.model.numbers.count("precision"), 0u);
  EXPECT_EQ(spec.cells[2].settings.model.numbers.count("scale"), 0u);
}

TEST(Spec, DataReachOnlyTheModelsThatTakeThem) {
  const Spec spec = parse(head("[\"banana\", \"logistic_regression\"]") +
                          "[data]\nfile = \"x.csv\"\nresponse = \"y\"\nintercept = [true, false]\n" + tail());
  ASSERT_EQ(spec.cells.size(), 3u);
  EXPECT_EQ(spec.cells[0].settings.data.file, "");
  EXPECT_EQ(spec.cells[1].settings.data.file, "x.csv");
}

TEST(Spec, ExclusionsLeaveOutCellsWithAReason) {
  const std::string swept = head("\"banana\"") + "scale = [1, 2]\n[estimators]\nnames = [\"" + name_of(0) + "\"]\nsamples = [4, 8, 16]\n";
  const Spec spec = parse(swept +
                          "[[exclude]]\nwhen = { \"estimators.samples\" = [4, 8], \"model.scale\" = 2.0 }\nreason = \"slow\"\n"
                          "[[exclude]]\nwhen = { estimators.samples = 4 }\nreason = \"few\"\n");
  ASSERT_EQ(spec.cells.size(), 3u);
  ASSERT_EQ(spec.excluded.size(), 3u);
  EXPECT_EQ(spec.cells[0].swept, (Pairs{{"model.scale", "1"}, {"estimators.samples", "8"}}));
  EXPECT_EQ(spec.excluded[0].reason, "few");
  EXPECT_EQ(spec.excluded[1].reason, "slow");  // the first rule that matches gives the reason
  EXPECT_EQ(spec.excluded[1].swept, (Pairs{{"model.scale", "2"}, {"estimators.samples", "4"}}));
}

TEST(Spec, WhereFindsGivenKeys) {
  const Spec spec = parse(head("\"banana\"") + "scale =   [1, 2]\n" + tail());
  EXPECT_EQ(spec.where("study.name"), "dir/s.toml:2:8");
  EXPECT_EQ(spec.where("model.scale"), "dir/s.toml:5:1");
  EXPECT_EQ(spec.where("path.steps"), "dir/s.toml");
}

/// Texts back into TOML, key by key, but for defaults.
std::string to_toml(const Settings& settings) {
  const auto descriptions = describe_keys();
  std::string text;
  for (const auto& pair : to_pairs(settings)) {
    const std::string& key = pair.first;
    const std::string& value = pair.second;
    const auto described = std::find_if(descriptions.begin(), descriptions.end(), [&](const KeyDescription& d) { return d.key == key; });
    EXPECT_NE(described, descriptions.end()) << key;
    const bool is_text = described->type == "a text" || described->type.starts_with("one of: ") || value == "all";
    std::string written = is_text ? "\"" + value + "\"" : value;
    if (described->type.starts_with("a list of: ") || (described->type == "a list of texts" && value != "[]")) {
      written = "[\"" + value.substr(1, value.size() - 2) + "\"]";
      for (std::size_t at = 0; (at = written.find(", ", at)) != std::string::npos; at += 4) written.replace(at, 2, "\", \"");
    }
    // Keys at their default are not given: given beside others that leave them without a meaning, they would be refused.
    if (value == described->default_value) continue;
    const bool no_data = settings.data.file.empty() && key.starts_with("data.");
    if (!no_data) text += key + " = " + written + "\n";
  }
  return text;
}

TEST(Spec, PairsRoundTrip) {
  const std::string common = "[path]\nstep_size = 0.1\npoints = [0, 33.333333333333336]\nbatch_rows = 3\n[estimators]\nnames = [\"" +
                             name_of(0) + "\", \"" + name_of(1) + "\"]\nsamples = 8\n[limits]\nmemory_gib = 1e-300\n";
  const std::string data = "[data]\nfile = \"x.csv\"\nresponse = \"y\"\n";
  for (const Spec& spec : {parse(head("\"logistic_regression\"") + data + common),
                           parse(head("\"gaussian\"") + "precision = [[2, 0.1], [0.1, 1]]\n" + common)}) {
    const Settings& settings = spec.cells.at(0).settings;
    const std::string text = to_toml(settings);
    const Spec again = parse(text);
    ASSERT_EQ(again.cells.size(), 1u) << text;
    EXPECT_EQ(to_pairs(again.cells[0].settings), to_pairs(settings)) << text;
    EXPECT_EQ(again.cells[0].settings.path.points, settings.path.points);
    EXPECT_EQ(again.cells[0].settings.limits.memory_gib, 1e-300);
  }
}

TEST(Spec, PairsFollowTheOrderOfTheDescriptions) {
  const Spec spec = parse(head("\"univariate\"") + "function = \"square\"\nk = 1\n" + tail());
  std::vector<std::string> described;
  for (const KeyDescription& d : describe_keys()) described.push_back(d.key);
  std::size_t last = 0;
  for (const auto& [key, value] : to_pairs(spec.cells.at(0).settings)) {
    const auto place = static_cast<std::size_t>(std::find(described.begin(), described.end(), key) - described.begin());
    ASSERT_LT(place, described.size()) << key;
    EXPECT_GE(place, last) << key;
    last = place;
  }
}

}  // namespace
}  // namespace variscope::experiments
