/// Models from shared libraries: the documented plug-ins against built-in models and closed forms; libraries that are wrong or fail.
#include "engine/models/library/library_model.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>

#include "engine/error.hpp"
#include "engine/models/gaussian.hpp"
#include "engine/models/logistic_regression.hpp"
#include "tests/conformance/model_subject.hpp"
#include "tests/engine/models/evaluate.hpp"

namespace variscope::models {
namespace {

using test::kBoth;
using test::kValue;
using tiles::Batch;

const std::string kExamples = VARISCOPE_PLUGINS "/";

std::unique_ptr<Model> make(const std::string& library, const std::string& data, const std::string& threads = "auto",
                            const data::Table* table = nullptr, const std::string& directory = "") {
  Arguments arguments;
  arguments.numbers = {{"seed", {1.0}}};
  arguments.words = {{"library", library}, {"data", data}, {"threads", threads}, {"response", "binary"}, {"spec_directory", directory}};
  arguments.table = table;
  return find(table == nullptr ? "library" : "library_rows")->make(arguments);
}

const char* const kGaussian = R"({"mean": [0.5, -1.0, 0.25], "sd": [1.0, 2.0, 0.5]})";

std::string error(const std::string& library, const std::string& data, const data::Table* table = nullptr) {
  try {
    make(library, data, "auto", table);
  } catch (const UserError& e) {
    std::string what = e.what();
    EXPECT_EQ(what.find('\n'), std::string::npos) << what;
    EXPECT_NE(what.find(" ("), std::string::npos) << what;
    for (std::size_t at = what.find(kExamples); at != std::string::npos; at = what.find(kExamples)) what.erase(at, kExamples.size());
    return what;
  }
  return "no error";
}

TEST(Library, TheCExampleIsTheGaussianAndALogLogisticScale) {
  const auto library = make(kExamples + "gaussian.so", kGaussian);
  const Gaussian gaussian({1, 0, 0, 0, 0.25, 0, 0, 0, 4}, {0.5, -1.0, 0.25});
  ASSERT_EQ(library->dim(), 4);
  EXPECT_EQ(library->rows(), 0);
  const Batch theta = test::random_batch(4, 13, 1.5, 31);
  Batch z(3, 13);
  for (Index s = 0; s < 13; ++s) {
    for (Index d = 0; d < 3; ++d) z(d, s) = theta(d, s);
  }
  Counts counts;
  const Batch found = test::prior(*library, theta, kBoth, &counts);
  EXPECT_EQ(counts, (Counts{.gradient_evaluations = 13}));
  const Batch expected = test::prior(gaussian, z, kBoth);
  const double normaliser = -1.5 * std::log(2 * M_PI) - std::log(1.0 * 2.0 * 0.5);
  for (Index s = 0; s < 13; ++s) {
    // The logistic density of the scale's logarithm, written another way: 1 / (4 cosh^2(t / 2)).
    const double t = theta(3, s);
    EXPECT_NEAR(found(0, s), expected(0, s) + normaliser - std::log(4 * std::cosh(t / 2) * std::cosh(t / 2)), 1e-13);
    for (Index d = 0; d < 3; ++d) EXPECT_NEAR(found(1 + d, s), expected(1 + d, s), 1e-14);
    EXPECT_NEAR(found(4, s), (1 - std::exp(t)) / (1 + std::exp(t)), 1e-14);
  }
}

TEST(Library, NamesVariablesAndBothWaysBetweenThem) {
  const auto library = make(kExamples + "gaussian.so", kGaussian);
  EXPECT_EQ(library->parameter_names(), (std::vector<std::string>{"z.1", "z.2", "z.3", "scale"}));
  const auto variables = library->variables();
  ASSERT_EQ(variables.size(), 3U);
  EXPECT_EQ(variables[0].name, "z");
  EXPECT_EQ(variables[0].shape, std::vector<Index>{3});
  EXPECT_EQ(variables[1].name, "scale");
  EXPECT_EQ(variables[2].name, "log_scale");
  const Batch theta = test::random_batch(4, 11, 2.0, 32);
  Batch values(library->constrained_dim(), 11);
  library->constrain(theta.view(), values.view());
  for (Index s = 0; s < 11; ++s) {
    EXPECT_DOUBLE_EQ(values(3, s), std::exp(theta(3, s)));
    std::vector<double> given;
    for (Index k = 0; k < 5; ++k) given.push_back(values(k, s));
    std::vector<double> back(4);
    library->unconstrain(given, back);
    for (Index d = 0; d < 4; ++d) EXPECT_NEAR(back[static_cast<std::size_t>(d)], theta(d, s), 1e-14);
  }
  std::vector<double> back(4);
  EXPECT_THROW(library->unconstrain(std::vector<double>{0, 0, 0, -1, 0}, back), UserError);
}

TEST(Library, ArraysInTheOrderOfStanBecomeRowByRow) {
  std::vector<std::size_t> order;
  const auto variables =
      group_variables({"tau", "L.1.1", "L.2.1", "L.1.2", "L.2.2", "L.1.3", "L.2.3", "x.2", "t:1.1", "y.1", "y.2"}, order);
  std::vector<std::string> found;
  for (const Variable& variable : variables) found.push_back(variable.name + "/" + std::to_string(variable.shape.size()));
  EXPECT_EQ(found, (std::vector<std::string>{"tau/0", "L/2", "x.2/0", "t:1/1", "y/1"}));
  EXPECT_EQ(variables[1].shape, (std::vector<Index>{2, 3}));
  EXPECT_EQ(order, (std::vector<std::size_t>{0, 1, 3, 5, 2, 4, 6, 7, 8, 9, 10}));
}

TEST(Library, DataFromAFileBesideTheSpec) {
  const auto directory = std::filesystem::temp_directory_path() / ("variscope_library_" + std::to_string(getpid()));
  std::filesystem::create_directories(directory);
  std::ofstream(directory / "d.json") << kGaussian;
  const auto from_file = make(kExamples + "gaussian.so", "d.json", "auto", nullptr, directory.string());
  const auto from_text = make(kExamples + "gaussian.so", kGaussian);
  const Batch theta = test::random_batch(4, 3, 1.0, 33);
  for (Index s = 0; s < 3; ++s) EXPECT_EQ(test::prior(*from_file, theta, kValue)(0, s), test::prior(*from_text, theta, kValue)(0, s));
  std::filesystem::remove_all(directory);
}

TEST(Library, TheCppExampleIsLogisticRegressionOnAnyShard) {
  const data::Table whole = test::random_table(ResponseKind::binary, {0, test::kRows});
  const data::Table shard = test::random_table(ResponseKind::binary, {90, 200});
  const LogisticRegression built_in(whole, 0.25, 1.5);
  const char* const data = R"({"prior_mean": 0.25, "prior_sd": 1.5})";
  const auto library = make(kExamples + "logistic.so", data, "auto", &whole);
  const auto of_shard = make(kExamples + "logistic.so", data, "auto", &shard);
  EXPECT_EQ(library->rows(), test::kRows);
  EXPECT_EQ(library->parameter_names(), whole.columns);
  const Batch theta = test::random_batch(5, 11, 1.0, 34);
  const auto compare = [](const Batch& a, const Batch& b, double tolerance) {
    for (Index s = 0; s < a.count(); ++s) {
      for (Index k = 0; k < a.dim(); ++k) EXPECT_NEAR(a(k, s), b(k, s), tolerance * (1 + std::abs(b(k, s))));
    }
  };
  compare(test::prior(*library, theta, kBoth), test::prior(built_in, theta, kBoth), 1e-14);
  for (const RowList& rows : {test::range(0, test::kRows), test::range(17, 18), test::range(5, 5)})
    compare(test::likelihood(*library, rows, theta, kBoth), test::likelihood(built_in, rows, theta, kBoth), 1e-13);
  const std::vector<Index> some = {91, 91, 130, 199};
  compare(test::likelihood(*of_shard, test::list(some), theta, kBoth), test::likelihood(built_in, test::list(some), theta, kBoth), 1e-13);
}

TEST(Library, PlanningNeedsNoRows) {
  data::Table shape;
  shape.rows = 1000;
  shape.columns = {"a", "b", "intercept"};
  const auto library = make(kExamples + "logistic.so", "", "auto", &shape);
  EXPECT_EQ(library->dim(), 3);
  EXPECT_EQ(library->rows(), 1000);
}

TEST(Library, WhatIsWrongIsSaidOnce) {
  EXPECT_EQ(error(kExamples + "none.so", ""),
            "model.library: no file 'none.so' (a shared library is expected; relative paths start at the spec). Check the path.");
  const auto text = std::filesystem::temp_directory_path() / ("variscope_text_" + std::to_string(getpid()) + ".so");
  std::ofstream(text) << "no library";
  EXPECT_EQ(error(text.string(), "").rfind("model.library: '" + text.string() + "' cannot be loaded (", 0), 0U);
  std::filesystem::remove(text);
  EXPECT_EQ(error(kExamples + "incomplete.so", ""),
            "model.library: 'incomplete.so' has no function bs_log_density_gradient (the interface of BridgeStan 2 is expected). Compile a "
            "Stan model with BridgeStan, or see variscope_plugin.h.");
  EXPECT_EQ(error(kExamples + "future.so", ""),
            "model.library: 'future.so' is of version 3 of BridgeStan's interface (version 2 is known). Compile the model anew.");
  const data::Table table = test::random_table(ResponseKind::binary, {0, 10});
  EXPECT_EQ(
      error(kExamples + "gaussian.so", kGaussian, &table),
      "model.library: 'gaussian.so' has no function vs_extension_version (rows of [data] go to libraries with variscope's extension). "
      "Use model.name = \"library\", or see variscope_plugin.h.");
  EXPECT_EQ(error(kExamples + "faulty.so", "{}", &table),
            "model.library: 'faulty.so' does not take these rows (two columns are needed). Correct [data], or choose another library.");
  EXPECT_EQ(
      error(kExamples + "gaussian.so", "none.json"),
      "model.data: no file 'none.json' (a .json file or a JSON text in braces is expected; relative paths start at the spec). Check the "
      "path.");
  EXPECT_EQ(error(kExamples + "faulty.so", "{bad_data}"),
            "model.data: 'faulty.so' makes no model of it (variable N is missing). Correct the data, or choose another library.");
  EXPECT_EQ(error(kExamples + "faulty.so", "{throw_at_once}"),
            "model.data: 'faulty.so' makes no model of it (exception: no such model). Correct the data, or choose another library.");
}

/// Columns on both sides of the border at 1: those beyond fail.
Batch around_the_border() {
  Batch theta(2, 11);
  for (Index s = 0; s < 11; ++s) {
    theta(0, s) = s % 3 == 0 ? 1.5 : -0.25 * static_cast<double>(s);
    theta(1, s) = 0.5;
  }
  return theta;
}

class LibraryFaults : public testing::TestWithParam<const char*> {};

TEST_P(LibraryFaults, FailuresAreCountedAndDisturbNobody) {
  const std::string fault = GetParam();
  const Batch theta = around_the_border();
  const data::Table table = [] {
    data::Table two;
    two.rows = 4;
    two.columns = {"a", "b"};
    return two;
  }();
  for (const data::Table* rows : {static_cast<const data::Table*>(nullptr), &table}) {
    const auto model = make(kExamples + "faulty.so", "{\"fault\": \"" + fault + "\"}", "guarded", rows);
    const auto& library = dynamic_cast<const LibraryModel&>(*model);
    testing::internal::CaptureStderr();
    const Batch out = test::prior(*model, theta, kBoth);
    for (Index s = 0; s < 11; ++s) {
      if (s % 3 != 0) {
        EXPECT_EQ(out(0, s), -0.5 * (theta(0, s) * theta(0, s) + 0.25));
        EXPECT_EQ(out(1, s), -theta(0, s));
        continue;
      }
      if (fault == "infinite_gradient") {
        EXPECT_TRUE(std::isfinite(out(0, s)));
        EXPECT_TRUE(std::isinf(out(2, s)));
      } else if (fault == "nan") {
        EXPECT_TRUE(std::isnan(out(0, s)));
      } else {
        EXPECT_EQ(out(0, s), -std::numeric_limits<double>::infinity());
        EXPECT_TRUE(std::isnan(out(1, s)) && std::isnan(out(2, s)));
      }
    }
    EXPECT_EQ(library.failures(), 4);
    const std::string first = library.first_failure();
    const std::map<std::string, std::string> expected = {{"throws", "exception: beyond one"},
                                                         {"throws_int", "an exception of unknown type"},
                                                         {"error", "rejected:  beyond one"},
                                                         {"silent", "no reason given"}};
    if (expected.contains(fault)) {
      EXPECT_EQ(first, expected.at(fault));
    }
    EXPECT_FALSE(first.empty());
    EXPECT_TRUE(testing::internal::GetCapturedStderr().empty());
  }
}

INSTANTIATE_TEST_SUITE_P(Faults, LibraryFaults, testing::Values("throws", "throws_int", "error", "silent", "nan", "infinite_gradient"),
                         [](const auto& instance) { return std::string(instance.param); });

TEST(Library, ThreadsGetTheSameBits) {
  // gaussian.so says that it may be called at once, faulty.so says nothing.
  EXPECT_TRUE(dynamic_cast<const LibraryModel&>(*make(kExamples + "gaussian.so", kGaussian)).concurrent());
  EXPECT_FALSE(dynamic_cast<const LibraryModel&>(*make(kExamples + "gaussian.so", kGaussian, "guarded")).concurrent());
  EXPECT_FALSE(dynamic_cast<const LibraryModel&>(*make(kExamples + "faulty.so", "{}")).concurrent());
  EXPECT_TRUE(dynamic_cast<const LibraryModel&>(*make(kExamples + "faulty.so", "{}", "safe")).concurrent());
  const auto model = make(kExamples + "gaussian.so", kGaussian);
  const Batch theta = test::random_batch(4, 64, 1.0, 35);
  const Batch alone = test::prior(*model, theta, kBoth);
  int different = 0;
#pragma omp parallel for num_threads(4) reduction(+ : different)
  for (int round = 0; round < 200; ++round) {
    const Batch again = test::prior(*model, theta, kBoth);
    for (Index s = 0; s < 64; ++s) {
      for (Index k = 0; k < 5; ++k) different += test::same_bits(again(k, s), alone(k, s)) ? 0 : 1;
    }
  }
  EXPECT_EQ(different, 0);
}

}  // namespace
}  // namespace variscope::models
