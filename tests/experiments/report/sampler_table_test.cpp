/// Summaries of traces whose figures are known, and what the sampler tables make of them.
#include "experiments/report/sampler_table.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>

#include "engine/diagnostics/effective_size.hpp"
#include "engine/random/stream.hpp"
#include "engine/store/trace_segments.hpp"
#include "experiments/report/figure_samplers.hpp"
#include "experiments/report/gnuplot.hpp"
#include "experiments/report/render.hpp"
#include "tests/engine/store/scratch.hpp"

namespace variscope::experiments {
namespace {

constexpr Index kChains = 4;
constexpr Index kDraws = 200;

/// Standard normal draws; statistics of which each sum is known.
store::TraceLayout layout_of() {
  store::TraceLayout layout;
  layout.id = "cell_000";
  layout.chains = kChains;
  layout.attributes = {{"sampler", "nuts"}};
  std::vector<store::TraceVariable> statistics;
  for (const char* name : {"n_grad", "n_value", "status", "acceptance_rate", "energy"})
    statistics.push_back({name, name, "1", {}, store::TraceType::real});
  statistics.push_back({"diverging", "diverging", "1", {}, store::TraceType::boolean});
  layout.groups = {
      {"posterior", kDraws, 0, 1, {{"mu", "mu", "1", {}, store::TraceType::real}, {"b", "b", "1", {2}, store::TraceType::real}}},
      {"sample_stats", kDraws, 0, 1, statistics},
      {"warmup_sample_stats", 10, 0, 1, statistics}};
  return layout;
}

std::vector<double> draws_of(Index chain, double shift) {
  std::vector<double> values;
  for (Index d = 0; d < kDraws; ++d) {
    const random::Stream stream{4, random::Purpose::testing, 0, static_cast<std::uint32_t>(chain), static_cast<std::uint32_t>(d)};
    for (std::uint32_t v = 0; v < 3; ++v) values.push_back(random::normal(stream, v) + (v == 2 ? shift : 0));
  }
  return values;
}

struct Made {
  SamplerSummary summary;
  SamplerPicture picture;
};

/// The last chain fails where asked for; chain 0 of b[1] lies `shift` away; every 50th draw of chain 1 diverges.
Made made_of(bool fails, double shift, int threads = 1) {
  const store::Scratch scratch;
  std::filesystem::create_directories(scratch / "segments");
  const store::TraceLayout layout = layout_of();
  std::vector<store::TraceBlock> blocks;
  for (Index c = 0; c < kChains; ++c) {
    const bool failed = fails && c == kChains - 1;
    auto draws = draws_of(c, c == 0 ? shift : 0);
    if (failed) draws.assign(draws.size(), std::numeric_limits<double>::quiet_NaN());
    for (const Index group : {1, 2}) {
      std::vector<double> statistics;
      const Index count = layout.groups[static_cast<std::size_t>(group)].draws;
      for (Index d = 0; d < count; ++d) {
        const double diverging = c == 1 && d % 50 == 0 ? 1 : 0;
        statistics.insert(statistics.end(), {7, 2, failed ? 1.0 : 0.0, 0.8, d % 2 == 0 ? 1.0 : -1.0, diverging});
      }
      blocks.push_back({layout.id, group, {c, c + 1}, {0, count}, statistics});
    }
    blocks.push_back({layout.id, 0, {c, c + 1}, {0, kDraws}, draws});
  }
  store::Manifest manifest{"test", 1, {}, {}};
  manifest.segments.push_back(store::write_trace_segment(scratch.path(), 1, 0, blocks, {}));
  store::merge_trace(scratch.path(), manifest, layout, "now");
  const store::TraceFile file(store::trace_path(scratch.path(), layout.id));
  const SamplerSummary summary = summarise_trace(file, layout, 1000, threads);
  return {summary, picture_of(file, layout, summary, "nuts")};
}

SamplerSummary summary_of(bool fails, double shift, int threads = 1) { return made_of(fails, shift, threads).summary; }

TEST(SamplerSummary, CountsWhatWasDone) {
  const SamplerSummary s = summary_of(false, 0);
  EXPECT_EQ(s.names, (std::vector<std::string>{"mu", "b[0]", "b[1]"}));
  EXPECT_EQ(s.sampler, "nuts");
  EXPECT_EQ(s.failed, 0);
  EXPECT_EQ(s.work.equivalents(), kChains * kDraws * 8.0);
  EXPECT_EQ(s.warmup_work.equivalents(), kChains * 10 * 8.0);
  EXPECT_EQ(s.divergences, 4);
  EXPECT_NEAR(s.acceptance, 0.8, 1e-12);
  EXPECT_TRUE(std::isnan(s.depth_hits));
  // Energies alternate between -1 and 1: (n - 1) 4 over n.
  EXPECT_NEAR(s.energy_fraction, 4.0 * (kDraws - 1) / kDraws, 1e-12);
  std::vector<double> mu;
  for (Index c = 0; c < kChains; ++c) {
    const auto draws = draws_of(c, 0);
    for (std::size_t i = 0; i < draws.size(); i += 3) mu.push_back(draws[i]);
  }
  EXPECT_EQ(s.variables[0].bulk_size, diagnostics::bulk_effective_size({mu, kChains, kDraws}));
  EXPECT_EQ(s.warnings().size(), 1U);  // the divergences
  EXPECT_EQ(summary_of(false, 0, 2).variables[2].tail_size, s.variables[2].tail_size);
}

TEST(SamplerSummary, FailedChainsAreLeftOutAndTold) {
  const SamplerSummary s = summary_of(true, 0);
  EXPECT_EQ(s.failed, 1);
  EXPECT_TRUE(std::isfinite(s.variables[0].rhat.value()));
  EXPECT_GT(s.size_of(s.worst_size()), 300);
  EXPECT_EQ(s.work.gradients, kChains * kDraws * 7.0);  // what they took was taken
  EXPECT_NE(s.warnings().front().find("1 of 4 chains failed"), std::string::npos);
}

TEST(SamplerTable, WarnsOnTopAndDividesByWork) {
  SamplerEntry good{summary_of(false, 0), "a model", "", 2, 1, 0, kDraws, false, {0, 0, 0}, {1, 1, 1}, {}, {}};
  SamplerEntry bad = good;
  bad.summary = summary_of(false, 3);
  bad.variant = "shifted";
  const Table table = sampler_table({good, bad}, "study");
  ASSERT_EQ(table.sections.size(), 1U);
  ASSERT_EQ(table.sections[0].rows.size(), 2U);
  const auto value = [&](std::size_t row, const std::string& key) {
    for (std::size_t c = 0; c < table.columns.size(); ++c) {
      if (table.columns[c].key == key) return table.sections[0].rows[row].cells[c];
    }
    ADD_FAILURE() << key;
    return TableCell{};
  };
  const SamplerSummary& s = good.summary;
  const double size = std::min(s.variables[s.worst_size()].bulk_size, s.variables[s.worst_size()].tail_size);
  EXPECT_DOUBLE_EQ(value(0, "ess_per_gradient").estimate.value, size / (800 * 8));
  EXPECT_DOUBLE_EQ(value(0, "ess_per_gradient_all").estimate.value, size / (840 * 8));
  EXPECT_DOUBLE_EQ(value(0, "ess_per_row").estimate.value, size / (800 * 8) / 1000);
  EXPECT_DOUBLE_EQ(value(0, "ess_per_second").estimate.value, size / 2);
  EXPECT_DOUBLE_EQ(value(0, "ess_per_second_all").estimate.value, size / 3);
  // 3 scalars, one seed: 5 standard errors.
  EXPECT_LT(value(0, "mean_z_max").estimate.value, 5);
  EXPECT_LT(value(0, "sd_z_max").estimate.value, 5);
  // The broken twin: a wrong reference must show. (Chains that have not mixed have errors too large to tell.)
  SamplerEntry wrong = good;
  wrong.reference_sd[1] = 1.5;
  const Table told = sampler_table({wrong}, "study");
  for (std::size_t c = 0; c < told.columns.size(); ++c) {
    if (told.columns[c].key == "sd_z_max") {
      EXPECT_GT(told.sections[0].rows[0].cells[c].estimate.value, 5);
    }
  }
  EXPECT_EQ(value(1, "rhat_of").text, "b[1]");
  EXPECT_EQ(value(1, "ess_of").text, "b[1]");
  const std::string text = render_text(table);
  EXPECT_NE(text.find("WARNING: nuts, shifted: R-hat of b[1] is "), std::string::npos) << text;
  EXPECT_EQ(text.find("WARNING: nuts: R-hat"), std::string::npos);
  EXPECT_NE(text.find("WARNING: nuts: 4 divergences"), std::string::npos);
  EXPECT_EQ(sampler_moments({good, bad}, "study").sections.size(), 3U);
  EXPECT_NE(render_csv(sampler_moments({good, bad}, "study")).find("q95_error"), std::string::npos);
}

TEST(SamplerFigures, ShowTheWorstScalar) {
  const SamplerPicture good = made_of(false, 0).picture;
  const SamplerPicture bad = made_of(true, 3).picture;
  EXPECT_EQ(bad.heading, "cell_000, nuts: b[1]");
  ASSERT_EQ(good.trace.size(), 4U);
  ASSERT_EQ(bad.trace.size(), 3U);  // the failed chain is left out
  EXPECT_EQ(good.trace[0].size(), good.positions.size());
  EXPECT_EQ(bad.trace[0][0], draws_of(0, 3)[2]);
  for (const auto& bins : good.ranks) {
    double sum = 0;
    for (const double share : bins) {
      sum += share;
      EXPECT_LT(share, 3);  // 10 draws a bin are expected: 30 are 6 standard errors
    }
    EXPECT_NEAR(sum, 20, 1e-9);
  }
  EXPECT_GT(bad.ranks[0].back(), 2.5);  // all large ranks are chain 0's: a third of all draws
  EXPECT_EQ(good.sizes_at.back(), kDraws);
  const SamplerSummary s = summary_of(false, 0);
  EXPECT_EQ(good.sizes.back(), s.size_of(s.worst_size()));
  EXPECT_TRUE(bad.energies.size() == 40U && bad.energy_steps.size() == 40U);
  const auto figures = sampler_figures({good, bad}, "study");
  ASSERT_EQ(figures.size(), 4U);
  const bool gnuplot = std::system("command -v gnuplot >/dev/null 2>&1") == 0;
  for (const Figure& figure : figures) {
    EXPECT_GT(std::count(figure.data.begin(), figure.data.end(), '\n'), 20) << figure.name;
    if (!gnuplot) continue;
    const store::Scratch scratch;
    std::ofstream(scratch / (figure.name + ".csv")) << figure.data;
    std::ofstream(scratch / (figure.name + ".gp")) << figure.script;
    EXPECT_EQ(run_gnuplot(scratch.path().string(), figure.name + ".gp", figure.name + ".svg"), "") << figure.name;
    EXPECT_GT(std::filesystem::file_size(scratch / (figure.name + ".svg")), 5000U) << figure.name;
  }
}

}  // namespace
}  // namespace variscope::experiments
