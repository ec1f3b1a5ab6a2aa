/// Keys that nothing would look at are refused, with line, reason and suggestion; sweeps may give keys to some of their cells.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engine/error.hpp"
#include "engine/models/catalogue.hpp"
#include "engine/models/meaning.hpp"
#include "experiments/spec/spec.hpp"

namespace variscope::experiments {
namespace {

/// Line 7 is the first of `model`; `more` follows.
std::string spec(const std::string& name, const std::string& model, const std::string& more = "") {
  return "[study]\nname = \"s\"\n[estimators]\nnames = [\"pw_cfe\"]\n[model]\nname = \"" + name + "\"\n" + model +
         "[data]\nfile = \"d.csv\"\nresponse = \"y\"\n" + more;
}

std::string banana(const std::string& more) {
  return "[study]\nname = \"s\"\n[model]\nname = \"banana\"\n[estimators]\nnames = [\"pw_cfe\"]\n" + more;
}

void expect_refused(const std::string& text, const std::string& start, const std::string& suggestion) {
  try {
    parse_spec(text, "s.toml");
    ADD_FAILURE() << "accepted:\n" << text;
  } catch (const UserError& error) {
    const std::string message = error.what();
    EXPECT_TRUE(message.starts_with(start)) << message;
    EXPECT_NE(message.find(suggestion), std::string::npos) << message;
  }
}

TEST(UnusedKeys, OfModels) {
  expect_refused(spec("glm", "likelihood = \"gaussian\"\ndegrees_of_freedom = 3.0\n"),
                 "s.toml:8:1: model.degrees_of_freedom has no meaning here (likelihood gaussian has no degrees of freedom).",
                 "Remove it, or use likelihood = \"student_t\".");
  expect_refused(spec("glm", "prior_scale = \"exponential(1)\"\nlikelihood = \"bernoulli\"\n"),
                 "s.toml:7:1: model.prior_scale has no meaning here (likelihood bernoulli has no sigma).", "gaussian");
  expect_refused(spec("glm", "prior_dispersion = \"exponential(1)\"\nlikelihood = \"poisson\"\n"), "s.toml:7:1: model.prior_dispersion",
                 "negative_binomial");
  for (const char* key : {"prior_varying = \"half_normal(1)\"", "parameterization = \"centred\"", "prior_correlation = \"lkj(2)\""})
    expect_refused(spec("glm", std::string(key) + "\nlikelihood = \"poisson\"\n"), "s.toml:7:1: model.p", "set model.varying");
  expect_refused(spec("neural_network", "likelihood = \"bernoulli\"\nnoise_sd = 0.1\n"), "s.toml:8:1: model.noise_sd", "gaussian");
  expect_refused(spec("neural_network", "noise_prior_sd = 1.0\nnoise_sd = 0.1\n"), "s.toml:8:1: model.noise_sd", "noise_prior_sd = 0");
  expect_refused(spec("neural_network", "layers = [0]\nactivation = \"tanh\"\n"), "s.toml:8:1: model.activation", "model.layers");
  expect_refused(spec("normal_mixture_model", "sd_prior_sd = 1.0\nsd = 0.5\n"), "s.toml:8:1: model.sd has no meaning", "sd_prior_sd = 0");
  expect_refused(spec("gaussian_process", "form = \"latent\"\nlikelihood = \"poisson\"\nprior_noise_sd = \"half_normal(1)\"\n"),
                 "s.toml:9:1: model.prior_noise_sd", "gaussian");
}

TEST(UnusedKeys, OfStudies) {
  expect_refused(banana("row_policy = \"epoch\"\n"), "s.toml:7:1: estimators.row_policy has no meaning here (every estimate uses all rows",
                 "set estimators.batch_rows");
  expect_refused(banana("noise_policy = \"shared\"\n"), "s.toml:7:1: estimators.noise_policy", "set estimators.replicas");
  expect_refused(banana("[components]\nrow_sets = 3\n"), "s.toml:8:1: components.row_sets", "components.designs");
  expect_refused(banana("[path]\nsnapshot_age = 3\n"), "s.toml:8:1: path.snapshot_age", "svrg");
  expect_refused(banana("[reference]\nmethod = \"exact\"\nsamples = 64\n"), "s.toml:9:1: reference.samples", "reference.method");
  EXPECT_EQ(parse_spec(banana("replicas = 2\nnoise_policy = \"shared\"\n"), "s.toml").cells.size(), 1U);
}

TEST(UnusedKeys, OfSomeCellsAreDroppedThere) {
  const Spec read = parse_spec(spec("glm",
                                    "likelihood = [\"gaussian\", \"student_t\", \"poisson\"]\ndegrees_of_freedom = [3.0, 5.0]\n"
                                    "prior_scale = [\"exponential(1)\", \"half_normal(1)\"]\n"),
                               "s.toml");
  // gaussian x 2 scales, student_t x 2 x 2, poisson once.
  EXPECT_EQ(read.cells.size(), 7U);
  for (const SpecCell& cell : read.cells) {
    if (cell.settings.model.words.at("likelihood") == "student_t") continue;
    EXPECT_EQ(cell.settings.model.numbers.at("degrees_of_freedom").at(0), 4.0);  // the default
    EXPECT_EQ(cell.swept.at(1).second, "-");
  }
}

/// Every rule names keys that its model has, and nothing is refused in the smoke configurations that conformance tests run.
TEST(UnusedKeys, RulesAreAboutKeysThatThereAre) {
  for (const models::Entry& entry : models::catalogue()) {
    std::vector<std::string> keys;
    for (const auto& parameter : entry.parameters) keys.push_back(parameter.name);
    for (const auto& word : entry.words) keys.push_back(word.name);
    std::size_t refused = 0;
    for (const std::string& key : keys) refused += models::no_meaning(entry, key, entry.smoke) ? 1 : 0;
    EXPECT_LT(refused, keys.size() + (keys.empty() ? 1 : 0)) << entry.name;
    EXPECT_FALSE(models::no_meaning(entry, "no_such_key", entry.smoke)) << entry.name;
  }
}

}  // namespace
}  // namespace variscope::experiments
