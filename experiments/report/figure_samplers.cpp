/// A panel for each cell; sizes of all cells in one.
#include "experiments/report/figure_samplers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "engine/diagnostics/effective_size.hpp"
#include "experiments/report/gnuplot_text.hpp"

namespace variscope::experiments {

namespace {

constexpr std::size_t kMostChains = 8;
constexpr std::size_t kMostPoints = 500;
constexpr std::size_t kRankBins = 20;
constexpr std::size_t kSizePoints = 12;
constexpr std::size_t kEnergyBins = 40;
constexpr double kEnergyRange = 4;  ///< standard deviations

/// The scalar's variable and element, by its name "theta[1,0]".
std::pair<std::string, Index> find_scalar(const store::TraceGroup& group, std::size_t number) {
  for (const store::TraceVariable& variable : group.variables) {
    if (number < static_cast<std::size_t>(variable.size())) return {variable.name, static_cast<Index>(number)};
    number -= static_cast<std::size_t>(variable.size());
  }
  return {};
}

std::vector<double> densities(const std::vector<double>& values, double scale) {
  std::vector<double> counts(kEnergyBins, 0.0);
  const double width = 2 * kEnergyRange / static_cast<double>(kEnergyBins);
  for (const double x : values) {
    const double bin = std::floor((x / scale + kEnergyRange) / width);
    if (bin >= 0 && bin < static_cast<double>(kEnergyBins)) counts[static_cast<std::size_t>(bin)] += 1;
  }
  for (double& count : counts) count /= static_cast<double>(values.size()) * width;
  return counts;
}

void add_energies(SamplerPicture& picture, const std::vector<double>& energy, Index chains, Index draws) {
  std::vector<double> centred;
  std::vector<double> steps;
  for (Index c = 0; c < chains; ++c) {
    const auto chain = std::span(energy).subspan(static_cast<std::size_t>(c * draws), static_cast<std::size_t>(draws));
    const double mean = diagnostics::mean_of(chain);
    for (std::size_t i = 0; i < chain.size(); ++i) {
      centred.push_back(chain[i] - mean);
      if (i > 0) steps.push_back(chain[i] - chain[i - 1]);
    }
  }
  const double sd = std::sqrt(diagnostics::variance_of(centred));
  if (!(sd > 0) || !std::isfinite(sd) || steps.empty()) return;
  for (std::size_t b = 0; b < kEnergyBins; ++b)
    picture.energy_bins.push_back(kEnergyRange * ((2 * static_cast<double>(b) + 1) / static_cast<double>(kEnergyBins) - 1));
  picture.energies = densities(centred, sd);
  picture.energy_steps = densities(steps, sd);
}

/// One figure of lines: rows "panel,line,x,y" of the data, a panel for each picture.
struct LineFigure {
  Figure figure;
  std::vector<std::string> plots;  ///< of each panel
  std::size_t rows = 0;

  explicit LineFigure(const std::string& name) : figure{name, "cell,line,x,y\n", ""} {}

  void begin(const std::string& heading, const std::string& more) {
    plots.push_back(fmt::format("set title {} font ',11' noenhanced\n{}plot ", two_lines(heading), more));
    first_ = true;
  }
  void line(const std::string& cell, const std::string& name, std::span<const double> x, std::span<const double> y, std::size_t style,
            const std::string& with) {
    for (std::size_t i = 0; i < x.size(); ++i)
      figure.data += fmt::format("{},{},{:.17g},{:.17g}\n", csv_quoted(cell), csv_quoted(name), x[i], y[i]);
    plots.back() +=
        fmt::format("{}'{}.csv' skip 1 every ::{}::{} using 3:4 with {} lc rgb '{}' title {} noenhanced", first_ ? "" : ", \\\n     ",
                    figure.name, rows, rows + x.size() - 1, with, colour_of(style), single_quoted(name));
    rows += x.size();
    first_ = false;
  }
  Figure finish(const std::string& title, const std::string& axes) {
    figure.title = title;
    figure.script = script_head(figure.name, title, plots.size()) + axes;
    for (std::size_t k = 0; k < std::min(plots.size(), most_panels); ++k) figure.script += plots[k] + "\n";
    figure.script += "unset multiplot\n";
    return figure;
  }

 private:
  bool first_ = true;
};

std::string axes(const char* x, const char* y) { return fmt::format("set xlabel '{}' noenhanced\nset ylabel '{}' noenhanced\n", x, y); }

std::vector<double> doubles(const std::vector<Index>& from) {
  std::vector<double> to;
  for (const Index x : from) to.push_back(static_cast<double>(x));
  return to;
}

}  // namespace

SamplerPicture picture_of(const store::TraceFile& file, const store::TraceLayout& layout, const SamplerSummary& summary,
                          const std::string& label) {
  SamplerPicture picture;
  picture.cell = layout.id;
  picture.label = label;
  // Ranks and autocorrelation of draws mean nothing without their weights.
  if (summary.variables.empty() || !summary.weights.empty()) return picture;
  const auto group = std::find_if(layout.groups.begin(), layout.groups.end(), [](const auto& g) { return g.name == "posterior"; });
  const std::size_t worst = summary.worst_size();
  picture.heading = fmt::format("{}, {}: {}", summary.cell, label, summary.names[worst]);
  const auto [name, element] = find_scalar(*group, worst);
  const std::vector<double> all = file.element("posterior", name, element);
  const auto draws = static_cast<std::size_t>(group->draws);
  std::vector<double> kept;
  Index chains = 0;
  for (Index c = 0; c < layout.chains; ++c) {
    const auto chain = std::span(all).subspan(static_cast<std::size_t>(c) * draws, draws);
    if (std::isnan(chain.back())) continue;
    kept.insert(kept.end(), chain.begin(), chain.end());
    ++chains;
  }
  const diagnostics::ChainDraws x{kept, chains, group->draws};
  const auto shown = std::min(static_cast<std::size_t>(chains), kMostChains);

  const std::size_t stride = (draws + kMostPoints - 1) / kMostPoints;
  for (std::size_t i = 0; i < draws; i += stride) picture.positions.push_back(static_cast<double>(i));
  std::vector<double> sorted = kept;
  std::sort(sorted.begin(), sorted.end());
  for (std::size_t c = 0; c < shown; ++c) {
    const auto chain = x.chain(static_cast<Index>(c));
    std::vector<double> points;
    for (std::size_t i = 0; i < draws; i += stride) points.push_back(chain[i]);
    picture.trace.push_back(std::move(points));
    std::vector<double> bins(kRankBins, 0.0);
    for (const double value : chain) {
      const auto below = static_cast<std::size_t>(std::lower_bound(sorted.begin(), sorted.end(), value) - sorted.begin());
      bins[std::min(below * kRankBins / sorted.size(), kRankBins - 1)] += static_cast<double>(kRankBins) / static_cast<double>(draws);
    }
    picture.ranks.push_back(std::move(bins));
  }
  for (std::size_t k = 1; k <= kSizePoints; ++k) {
    const Index count = group->draws * static_cast<Index>(k) / static_cast<Index>(kSizePoints);
    std::vector<double> prefix;
    for (Index c = 0; c < chains; ++c) {
      const auto part = x.chain(c).first(static_cast<std::size_t>(count));
      prefix.insert(prefix.end(), part.begin(), part.end());
    }
    const diagnostics::ChainDraws part{prefix, chains, count};
    const double size = std::min(diagnostics::bulk_effective_size(part), diagnostics::tail_effective_size(part));
    if (!std::isfinite(size)) continue;
    picture.sizes_at.push_back(count);
    picture.sizes.push_back(size);
  }
  if (file.has("sample_stats", "energy")) {
    const auto energy = file.element("sample_stats", "energy");
    const auto iterations = static_cast<Index>(energy.size()) / layout.chains;
    if (std::none_of(energy.begin(), energy.end(), [](double e) { return std::isnan(e); }))
      add_energies(picture, energy, layout.chains, iterations);
  }
  return picture;
}

std::vector<Figure> sampler_figures(const std::vector<SamplerPicture>& pictures, const std::string& study) {
  LineFigure trace("trace");
  LineFigure ranks("ranks");
  LineFigure sizes("ess");
  LineFigure energy("energy");
  std::vector<double> bins;
  for (std::size_t b = 0; b < kRankBins; ++b) bins.push_back((static_cast<double>(b) + 0.5) / static_cast<double>(kRankBins));
  std::size_t style = 0;
  for (const SamplerPicture& p : pictures) {
    if (p.trace.empty()) continue;
    trace.begin(p.heading, "");
    ranks.begin(p.heading, "set yrange [0:*]\n");
    for (std::size_t c = 0; c < p.trace.size(); ++c) {
      trace.line(p.cell, fmt::format("chain {}", c), p.positions, p.trace[c], c, "lines lw 0.8");
      ranks.line(p.cell, fmt::format("chain {}", c), bins, p.ranks[c], c, "histeps lw 1.4");
    }
    if (!p.sizes.empty()) {
      if (sizes.plots.empty()) sizes.begin("scalar of least effective size", "");
      sizes.line(p.cell, fmt::format("{} {}", p.cell, p.label), doubles(p.sizes_at), p.sizes, style++, "linespoints pt 7 ps 0.6");
    }
    if (p.energies.empty()) continue;
    energy.begin(p.heading, "set yrange [0:*]\n");
    energy.line(p.cell, "energy - mean", p.energy_bins, p.energies, 0, "histeps lw 1.6");
    energy.line(p.cell, "step of the energy", p.energy_bins, p.energy_steps, 1, "histeps lw 1.6");
  }
  std::vector<Figure> figures;
  const auto add = [&](LineFigure& figure, const std::string& title, const std::string& axis) {
    if (!figure.plots.empty()) figures.push_back(figure.finish(study + ": " + title, axis));
  };
  add(trace, "draws of the scalar of least effective size", axes("stored draw", "value"));
  add(ranks, "its ranks among all chains, 1 if they are uniform", axes("rank over number of draws", "share over uniform"));
  add(sizes, "effective size against draws, a straight line where chains mix", axes("stored draws of each chain", "min(bulk, tail) ESS"));
  add(energy, "energies, and their steps, which should be as wide", axes("standard deviations of the energy", "density"));
  return figures;
}

}  // namespace variscope::experiments
