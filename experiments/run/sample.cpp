/// Chains of one part, their densities folded over the part's shards, their meetings over the parts.
#include "experiments/run/sample.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <iterator>
#include <utility>

#include "engine/error.hpp"

namespace variscope::experiments {

namespace {

Range chains_of_part(const SampleSettings& settings, const cluster::Communicator& parts) {
  const Range running = settings.running();
  const Index chains = running.size();
  if (parts.size() > chains) {
    throw UserError(
        fmt::format("sampler.chains: {} chains for {} parts of ranks (each takes at least one). Use more chains, or fewer ranks.", chains,
                    parts.size()));
  }
  const Range own = balanced_range(chains, parts.size(), parts.rank());
  return {running.first + own.first, running.first + own.last};
}

void check(const SampleSettings& s) {
  const auto at_least = [](const char* key, Index value, Index least) {
    if (value < least) throw UserError(fmt::format("sampler.{}: {} is too few. Use at least {}.", key, value, least));
  };
  at_least("chains", s.chains, 1);
  at_least("warmup", s.warmup, 0);
  at_least("thin", s.thin, 1);
  at_least("draws", s.draws, s.thin);
  if (s.only.first < 0 || s.only.last > s.chains) throw UserError("--chains: the cell has no such chains. Name others, counted from 0.");
  if (s.chains >= Index{1} << 24) throw UserError("sampler.chains: random numbers are kept apart for fewer than 2^24. Use fewer.");
}

std::unique_ptr<samplers::Sampler> make_sampler(const SampleSettings& settings, const models::Model& model) {
  check(settings);
  const samplers::Entry* entry = samplers::find(settings.sampler);
  if (entry == nullptr) throw UserError(fmt::format("sampler.names: there is no sampler '{}'. See 'variscope list'.", settings.sampler));
  const std::string reason = entry->reason_against ? entry->reason_against(model) : "";
  if (!reason.empty()) throw UserError(fmt::format("sampler.names: {} cannot sample this model ({}). Leave it out.", entry->name, reason));
  if (settings.only.size() > 0 && entry->capabilities.cross_chain)
    throw UserError(
        fmt::format("sampler.names: chains of {} adapt together, and none can be run without the others. Leave it out.", entry->name));
  return entry->make(samplers::arguments_of(*entry, settings.numbers, settings.words), model);
}

}  // namespace

SampleTeam::SampleTeam(const cluster::Communicator& world, const cluster::Layout& layout)
    : shards(world.split(static_cast<int>(layout.replicate_of(world.rank())))),
      parts(world.split(static_cast<int>(layout.shard_of(world.rank())))) {
  if (layout.samples != 1 || layout.replicas != 1)
    throw UserError("--layout: chains divide over replicates and data shards alone. Use 1 sample block and 1 replica.");
}

SampleCell::SampleCell(std::string id, SampleSettings settings, const models::Model& model, const RowTiles& rows, const SampleTeam& team,
                       cluster::Reduce reduce, int threads, Work& work)
    : id_(std::move(id)),
      settings_(std::move(settings)),
      model_(model),
      rows_(rows),
      team_(team),
      run_{settings_.seed, settings_.adapting()},
      range_(chains_of_part(settings_, team.parts)),
      evaluator_(model, team.shards, reduce, threads, work),
      work_(work),
      sampler_(make_sampler(settings_, model)),
      layout_(trace_layout(id_, settings_, model, *sampler_)),
      buffer_(layout_, settings_, model, range_),
      density_(make_density()),
      schedule_(std::make_unique<samplers::Schedule>(*sampler_, density_, run_, threads)),
      shared_(static_cast<std::size_t>(sampler_->shared_size())) {
  if (settings_.stop.active() && team_.shards.rank() == 0)
    stop_ = std::make_unique<SampleStop>(settings_, layout_.groups.front(), team_.parts, threads);
}

approximations::Density SampleCell::make_density() {
  approximations::Density density;
  density.dim = model_.dim();
  const auto share = [this](tiles::BatchView out) {
    if (team_.shards.size() > 1) {
      Stopwatch watch;
      team_.shards.broadcast(std::span<double>(out_.data(), static_cast<std::size_t>(out_.size())));
      work_.communication_s += watch.lap();
    }
    std::memcpy(out.data, out_.data(), static_cast<std::size_t>(out_.size()) * sizeof(double));
  };
  const RowShard& part = settings_.rows;
  if (part.shards > 0) {
    const Range rows = balanced_range(model_.rows(), part.shards, part.shard);
    for (Index row = rows.first; row < rows.last; ++row) shard_rows_.push_back(row);
  }
  density.evaluate = [this, share, part](tiles::ConstBatchView theta, const models::Wanted& wanted, tiles::ConstBatchView,
                                         tiles::BatchView out) {
    const auto power = static_cast<double>(part.shards);
    const Segment segment = part.shards > 0 ? Segment{0, theta.count, false, shard_rows_, power} : Segment{0, theta.count, true, {}, 1.0};
    Columns columns;
    columns.theta = theta;
    evaluator_.evaluate(columns, {&segment, 1}, rows_, wanted, true, out_);
    if (part.shards > 0 && part.prior_fraction && team_.shards.rank() == 0) {
      for (Index i = 0; i < out_.size(); ++i) out_.data()[i] /= power;
    }
    share(out);
  };
  density.rows = model_.rows();
  density.evaluate_rows = [this, share](tiles::ConstBatchView theta, std::span<const approximations::BlockRows> rows,
                                        const models::Wanted& wanted, tiles::BatchView out) {
    // Rows of other ranks are passed by: leaves take those of their tiles.
    std::vector<Segment> segments(rows.size());
    for (std::size_t b = 0; b < rows.size(); ++b)
      segments[b] = {static_cast<Index>(b), rows[b].columns, false, rows[b].rows, rows[b].scale};
    Columns columns;
    columns.theta = theta;
    evaluator_.evaluate(columns, segments, rows_, wanted, true, out_);
    share(out);
  };
  return density;
}

samplers::FoldChains SampleCell::make_fold() {
  return [this](const auto& leaf, const tiles::Merge& merge, std::span<double> folded) {
    const cluster::Ownership ownership{settings_.chains, 1, team_.parts.size()};
    const auto nodes = ownership.nodes(team_.parts.rank());
    std::vector<double> partials(nodes.size() * folded.size());
    tiles::NodeFolder folder;
    for (std::size_t n = 0; n < nodes.size(); ++n) {
      folder.fold(
          ownership.tree(), nodes[n], [&](Index chain, std::span<double> partial) { leaf(chain - range_.first, partial); }, merge,
          std::span<double>(partials).subspan(n * folded.size(), folded.size()));
    }
    cluster::fold_across(team_.parts, ownership, static_cast<Index>(folded.size()), partials, merge, cluster::Reduce::exact, folded);
    team_.parts.broadcast(folded);
  };
}

void SampleCell::start() {
  chains_ = samplers::start_chains(*sampler_, density_, model_, run_, settings_.start, range_);
  for (samplers::Chain& chain : chains_) {
    if (!settings_.metric_variances.empty() && !sampler_->set_variances(chain, settings_.metric_variances))
      throw UserError(fmt::format("sampler.metric_variances: {} has no metric that takes them. Leave them out.", settings_.sampler));
  }
  sampler_->start_shared(shared_);
  iteration_ = 0;
}

void SampleCell::resume(const std::vector<store::TraceState>& states, const store::VisitBlocks& blocks) {
  if (states.empty()) return start();
  // A chain of the right sizes, to unpack into.
  samplers::Chain empty;
  empty.position.resize(static_cast<std::size_t>(sampler_->dim()));
  if (sampler_->uses_gradient()) empty.gradient.resize(empty.position.size());
  empty.state.resize(static_cast<std::size_t>(sampler_->state_size()));
  const auto size = static_cast<std::size_t>(samplers::packed_size(empty));
  chains_.assign(static_cast<std::size_t>(range_.size()), empty);
  std::vector<bool> found(chains_.size(), false);
  for (const store::TraceState& state : states) {
    if (state.trace != id_ || state.numbers.size() != static_cast<std::size_t>(state.chains.size()) * size + shared_.size())
      throw SystemError(fmt::format("resume: cell '{}' (its state is of another study)", id_));
    const std::span<const double> numbers(state.numbers);
    for (Index c = std::max(state.chains.first, range_.first); c < std::min(state.chains.last, range_.last); ++c) {
      const auto place = static_cast<std::size_t>(c - range_.first);
      samplers::unpack(numbers.subspan(static_cast<std::size_t>(c - state.chains.first) * size, size), chains_[place]);
      found[place] = true;
    }
    std::copy(numbers.end() - static_cast<std::ptrdiff_t>(shared_.size()), numbers.end(), shared_.begin());
  }
  if (std::find(found.begin(), found.end(), false) != found.end())
    throw SystemError(fmt::format("resume: cell '{}' (the state of some chains is missing)", id_));
  iteration_ = states.front().iteration;
  buffer_.resume(iteration_);
  if (!settings_.stop.active()) return;
  const Index every = settings_.stop.every;
  const Index looks = std::max<Index>(iteration_ - settings_.warmup, 0) / every;
  const auto draws = [&](Index look) { return look < 1 ? -1 : look * every / settings_.thin; };
  bool stops = false;
  if (stop_) {
    stops = stop_->recall(
        [&](const auto& visit) {
          blocks([&](const store::TraceBlock& block) {
            if (block.group == 0) visit(block);
          });
        },
        draws(looks), draws(looks - 1));
  }
  // Between looks nothing stops: chains stand behind the last only where it did not hold.
  stopped_ = agreed(stops && iteration_ == settings_.warmup + looks * every);
  if (stopped_) end_here();
}

bool SampleCell::agreed(bool here) const {
  std::array<double, 1> answer{here ? 1.0 : 0.0};
  if (team_.shards.size() > 1) team_.shards.broadcast(answer);
  return answer[0] > 0;
}

Index SampleCell::next_look(Index iteration) const {
  if (!settings_.stop.active()) return settings_.iterations();
  const Index made = std::max<Index>(iteration - settings_.warmup, 0);
  return std::min(settings_.warmup + (made / settings_.stop.every + 1) * settings_.stop.every, settings_.iterations());
}

void SampleCell::collect() {
  auto blocks = buffer_.take(iteration_);
  for (const store::TraceBlock& block : blocks) {
    if (stop_ && block.group == 0) stop_->add(block.draws, block.values);
  }
  pending_.insert(pending_.end(), std::make_move_iterator(blocks.begin()), std::make_move_iterator(blocks.end()));
}

void SampleCell::end_here() {
  const Index made = iteration_ - settings_.warmup;
  for (store::TraceGroup& group : layout_.groups) {
    if (group.name.starts_with("warmup_")) continue;
    group.draws = group.name == "sample_stats" ? made : made / settings_.thin;
  }
}

double SampleCell::buffered_bytes() const {
  double bytes = buffer_.bytes();
  for (const store::TraceBlock& block : pending_) bytes += 8 * static_cast<double>(block.values.size());
  return bytes;
}

void SampleCell::look() {
  bool stops = false;
  if (stop_) {
    collect();
    stops = stop_->look((iteration_ - settings_.warmup) / settings_.thin);
  }
  stopped_ = agreed(stops);
  if (stopped_) end_here();
}

void SampleCell::advance(Index iterations) {
  const Index last = std::min(iteration_ + iterations, settings_.iterations());
  const bool writes = team_.shards.rank() == 0;
  while (iteration_ < last && !done()) {
    const Index next = std::min(last, next_look(iteration_));
    samplers::run_chains(
        *sampler_, run_, *schedule_, chains_, next, shared_,
        [&](Index place, const samplers::Chain& chain, std::span<const double> record) {
          if (writes) buffer_.observe(place, chain, record);
        },
        make_fold());
    iteration_ = next;
    const Index made = iteration_ - settings_.warmup;
    if (settings_.stop.active() && made > 0 && made % settings_.stop.every == 0) look();
  }
}

std::vector<store::TraceBlock> SampleCell::take_blocks() {
  if (team_.shards.rank() != 0) return {};
  collect();
  return std::exchange(pending_, {});
}

std::vector<store::TraceState> SampleCell::states() const {
  if (team_.shards.rank() != 0) return {};
  store::TraceState state{id_, iteration_, range_, {}};
  for (const samplers::Chain& chain : chains_) {
    const auto at = state.numbers.size();
    state.numbers.resize(at + static_cast<std::size_t>(samplers::packed_size(chain)));
    samplers::pack(chain, std::span<double>(state.numbers).subspan(at));
  }
  state.numbers.insert(state.numbers.end(), shared_.begin(), shared_.end());
  return {state};
}

}  // namespace variscope::experiments
