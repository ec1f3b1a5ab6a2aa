/// `variscope data synth`: the same file from any number of ranks, rows keyed by their number, the stated distribution.
#include <cmath>

#include "engine/data/standardize.hpp"
#include "engine/random/stream.hpp"
#include "engine/store/content_hash.hpp"
#include "engine/store/hdf5.hpp"
#include "engine/store/values.hpp"
#include "experiments/dataset/commands.hpp"
#include "tests/experiments/dataset/temporary_directory.hpp"

namespace variscope::experiments {
namespace {

class SynthTest : public testing::TemporaryDirectoryTest {
 protected:
  [[nodiscard]] SynthOptions synth(const std::string& name, Index rows = 1000, Index columns = 5) const {
    SynthOptions options;
    options.output = path(name);
    options.rows = rows;
    options.columns = columns;
    options.seed = 42;
    return options;
  }

  /// Every dataset and attribute of a file; the file's own bytes hold times of creation too.
  static std::string content(const std::string& file) { return store::content_hash(store::open_file(file, store::Access::read), "/"); }

  /// As `ranks` processes would do it, one after the other.
  static void run(const SynthOptions& options, Index ranks) {
    create_synth(options);
    for (Index rank = ranks; rank-- > 0;) write_synth_share(options, balanced_range(options.rows, ranks, rank));
    finish_synth(options);
  }
};

TEST_F(SynthTest, FileDoesNotDependOnTheNumberOfRanks) {
  for (const SynthModel model : {SynthModel::logistic, SynthModel::linear, SynthModel::columnwise_normal}) {
    for (const Index rows : {5, 1000}) {  // also fewer rows than ranks
      std::vector<std::string> hashes;
      SynthOptions options = synth("s.h5", rows);
      options.model = model;
      options.overwrite = true;
      for (const Index ranks : {1, 2, 3, 7}) {
        run(options, ranks);
        hashes.push_back(content(options.output));
      }
      synth_data(options, cluster::Communicator::serial());
      hashes.push_back(content(options.output));
      EXPECT_EQ(hashes, std::vector<std::string>(5, hashes[0]));
    }
  }
  EXPECT_EQ(file_count(), 1U);
  SynthOptions other = synth("other.h5");
  run(other, 1);
  const std::string hash = content(other.output);
  other.seed = 43;
  other.overwrite = true;
  run(other, 1);
  EXPECT_NE(content(other.output), hash);
}

TEST_F(SynthTest, RowIsAFunctionOfSeedAndNumberAlone) {
  for (const Index columns : {1, 4, 7}) {
    const SynthOptions options = synth("unused.h5", 50, columns);
    const std::vector<double> truth = synth_truth(options);
    const auto width = static_cast<std::size_t>(columns);
    std::vector<double> design(50 * width);
    std::vector<double> response(50);
    synth_rows(options, truth, {0, 50}, design.data(), response.data());
    for (Index row = 0; row < 50; ++row) {
      std::vector<double> one(width);
      double y = -1.0;
      synth_rows(options, truth, {row, row + 1}, one.data(), &y);
      const auto at = static_cast<std::size_t>(row);
      EXPECT_TRUE(std::equal(one.begin(), one.end(), design.begin() + static_cast<std::ptrdiff_t>(at * width)));
      EXPECT_EQ(y, response[at]);
      // The documented keys.
      const random::Stream stream{42, random::Purpose::data_generation, 0, static_cast<std::uint32_t>(row), 0};
      for (std::size_t c = 0; c < width; ++c) EXPECT_EQ(one[c], random::normal(stream, static_cast<std::uint32_t>(c)));
    }
    // Rows beyond 2^32 have numbers of their own.
    std::vector<double> far(width);
    double y = -1.0;
    synth_rows(options, truth, {Index{1} << 32, (Index{1} << 32) + 1}, far.data(), &y);
    EXPECT_NE(far[0], design[0]);
  }
}

TEST_F(SynthTest, LinearDataHaveTheStatedDistribution) {
  SynthOptions options = synth("s.h5", 20000, 5);
  options.model = SynthModel::linear;
  options.noise_sd = 0.5;
  options.intercept = -1.0;
  run(options, 2);
  std::vector<double> design(20000 * 5);
  std::vector<double> response(20000);
  store::read_table_rows(options.output, {}, {0, 20000}, {design.data(), 5, response.data()});
  const auto file = store::open_file(options.output, store::Access::read);
  const std::vector<double> truth = store::read_doubles(file, "truth");
  EXPECT_EQ(truth, synth_truth(options));
  ASSERT_EQ(truth.size(), 6U);
  EXPECT_EQ(truth.back(), -1.0);
  std::vector<double> moments(data::ColumnMoments::size(5));
  data::ColumnMoments::of_rows(design.data(), 20000, 5, moments);
  double sum = 0.0;
  double square = 0.0;
  double cross[5] = {};
  for (std::size_t r = 0; r < 20000; ++r) {
    double residual = response[r] - truth[5];
    for (std::size_t c = 0; c < 5; ++c) residual -= truth[c] * design[5 * r + c];
    sum += residual;
    square += residual * residual;
    for (std::size_t c = 0; c < 5; ++c) cross[c] += residual * design[5 * r + c];
  }
  // 17 comparisons at |z| < 5: false-alarm rate below 1e-5.
  const double root = std::sqrt(20000.0);
  for (std::size_t c = 0; c < 5; ++c) {
    EXPECT_LT(std::abs(data::ColumnMoments{moments}.mean(c)) * root, 5.0);
    EXPECT_LT(std::abs(data::ColumnMoments{moments}.sd(c) - 1.0) * root * std::sqrt(2.0), 5.0);
    EXPECT_LT(std::abs(cross[c] / 0.5 / root), 5.0);
  }
  EXPECT_LT(std::abs(sum / 0.5 / root), 5.0);
  EXPECT_LT(std::abs(square / 0.25 - 20000.0) / std::sqrt(2.0 * 20000.0), 5.0);
}

TEST_F(SynthTest, LogisticResponseHasTheStatedProbability) {
  for (const Index columns : {3, 4}) {  // odd and even: the response must not share its numbers with the last column
    SynthOptions options = synth("unused.h5", 20000, columns);
    options.signal = 2.0;
    options.intercept = 0.5;
    const std::vector<double> truth = synth_truth(options);
    const auto width = static_cast<std::size_t>(columns);
    std::vector<double> design(20000 * width);
    std::vector<double> response(20000);
    synth_rows(options, truth, {0, 20000}, design.data(), response.data());
    std::vector<double> score(width + 1, 0.0);
    std::vector<double> information(width + 1, 0.0);
    for (std::size_t r = 0; r < 20000; ++r) {
      double eta = truth.back();
      for (std::size_t c = 0; c < width; ++c) eta += truth[c] * design[r * width + c];
      const double p = 1.0 / (1.0 + std::exp(-eta));
      ASSERT_TRUE(response[r] == 0.0 || response[r] == 1.0);
      for (std::size_t c = 0; c <= width; ++c) {
        const double x = c == width ? 1.0 : design[r * width + c];
        score[c] += (response[r] - p) * x;
        information[c] += p * (1.0 - p) * x * x;
      }
    }
    // The score at the truth has mean 0 and this variance: 9 comparisons at |z| < 5, false-alarm rate below 1e-5.
    for (std::size_t c = 0; c <= width; ++c) EXPECT_LT(std::abs(score[c]) / std::sqrt(information[c]), 5.0) << columns << " " << c;
  }
}

TEST_F(SynthTest, ColumnwiseDataHaveTheStatedMomentsAndNoResponse) {
  SynthOptions options = synth("s.h5", 20000, 4);
  options.model = SynthModel::columnwise_normal;
  options.intercept = 3.0;
  options.signal = 2.0;
  options.noise_sd = 0.5;
  run(options, 2);
  Settings::Data settings;
  settings.file = "s.h5";
  settings.standardize = false;
  settings.intercept = false;
  const data::Table table = load_table(settings, directory_.string(), models::ResponseKind::table);
  EXPECT_EQ(table.columns, (std::vector<std::string>{"x0", "x1", "x2", "x3"}));
  EXPECT_TRUE(table.response.empty());
  const std::vector<double> truth = synth_truth(options);
  ASSERT_EQ(truth.size(), 8U);
  std::vector<double> moments(data::ColumnMoments::size(4));
  data::ColumnMoments::of_rows(table.design.data(), 20000, 4, moments);
  // 8 comparisons at |z| < 5: false-alarm rate below 1e-5.
  const double root = std::sqrt(20000.0);
  for (std::size_t c = 0; c < 4; ++c) {
    const double sd = truth[4 + c];
    EXPECT_GT(sd, 0.0);
    EXPECT_LT(std::abs(data::ColumnMoments{moments}.mean(c) - truth[c]) / sd * root, 5.0);
    EXPECT_LT(std::abs(data::ColumnMoments{moments}.sd(c) / sd - 1.0) * root * std::sqrt(2.0), 5.0);
  }
  // A response is refused by name, and asked for by models that explain one.
  settings.response = "x1";
  EXPECT_NE(error([&] { load_table(settings, directory_.string(), models::ResponseKind::table); }).find("Remove data.response."),
            std::string::npos);
  settings.response = "";
  EXPECT_NE(error([&] { load_table(settings, directory_.string(), models::ResponseKind::real); }).find("no response named"),
            std::string::npos);
}

TEST_F(SynthTest, DataCanBeStudied) {
  synth_data(synth("s.h5", 300, 3), cluster::Communicator::serial());
  Settings::Data settings;
  settings.file = "s.h5";
  const data::Table table = load_table(settings, directory_.string(), models::ResponseKind::binary);
  EXPECT_EQ(table.rows, 300);
  EXPECT_EQ(table.columns, (std::vector<std::string>{"x0", "x1", "x2", "intercept"}));
  EXPECT_EQ(table.response_name, "y");
  const auto provenance = store::inspect_table(path("s.h5")).provenance;
  EXPECT_EQ(provenance.at("synth_seed"), "42");
  EXPECT_EQ(provenance.at("synth_model"), "logistic");
}

TEST_F(SynthTest, RefusesNonsense) {
  const auto refused = [&](auto change) {
    SynthOptions options = synth("s.h5");
    change(options);
    return error([&] { synth_data(options, cluster::Communicator::serial()); });
  };
  EXPECT_EQ(refused([](auto& o) { o.rows = 0; }), "data synth: 0 rows (there must be at least one). Set --rows.");
  EXPECT_EQ(refused([](auto& o) { o.columns = 0; }), "data synth: 0 columns (1 to 2147483648 are possible). Set --columns.");
  EXPECT_NE(refused([](auto& o) { o.signal = -1; }), "no error");
  EXPECT_NE(refused([](auto& o) { o.noise_sd = NAN; }), "no error");
  EXPECT_NE(refused([](auto& o) { o.intercept = INFINITY; }), "no error");
  EXPECT_NE(refused([](auto& o) { o.output = "s.csv"; }), "no error");
  EXPECT_EQ(file_count(), 0U);
}

}  // namespace
}  // namespace variscope::experiments
