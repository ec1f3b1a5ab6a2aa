/// All estimators of a case are measured on common draws, each about its own exact mean; so are all twins without entropy.
#include "experiments/selftest/catalogue_rows.hpp"

#include <algorithm>
#include <list>

#include "experiments/selftest/expected.hpp"
#include "experiments/selftest/twins.hpp"

namespace variscope::experiments {

namespace {

using estimators::Objective;

/// An estimator at the case.
struct Item {
  const estimators::Entry* entry = nullptr;
  std::unique_ptr<estimators::Estimator> estimator;
  std::vector<double> state;
  oracles::EstimatorTruth truth;
};

std::list<Item> items_of(const SelftestCase& at, const Subject& subject) {
  std::list<Item> items;
  for (const estimators::Entry& entry : estimators::catalogue()) {
    const estimators::Context context{subject.family, subject.model, at.objective, at.samples, 0, {}};
    if (estimators::reason_against(entry, context) || entry.bad_samples(at.samples)) continue;
    Item item;
    item.entry = &entry;
    item.estimator = entry.make();
    item.state = prepared_state(subject, *item.estimator);
    const auto truth = expected(entry, at, *subject.model, item.state);
    if (!truth) continue;
    item.truth = *truth;
    items.push_back(std::move(item));
  }
  return items;
}

class Rows {
 public:
  Rows(const SelftestCase& at, std::uint64_t seed, Index replicates, int threads)
      : at_(at), seed_(seed), scene_(at), replicates_(replicates), threads_(threads), items_(items_of(at, subject())) {}

  std::vector<SelftestRow> healthy() {
    const auto moments = measured(subject(), [](const Item&) { return true; });
    std::vector<SelftestRow> rows;
    std::size_t next = 0;
    for (const Item& item : items_) {
      const BatchMoments& m = moments[next++];
      SelftestRow row = row_of(item.entry->name);
      bool off = judge_mean(m, judged(item.truth), row);
      if (!item.truth.variance.empty())
        off = judge_variance(m, judged(item.truth), item.truth.variance, row) || off;
      else
        row.remark = "mean alone";
      row.passed = !off;
      rows.push_back(row);
    }
    return rows;
  }

  std::vector<SelftestRow> twins() {
    std::vector<SelftestRow> rows;
    if (at_.objective == Objective::elbo) without_entropy(rows);
    if (at_.same_samples) same_samples(rows);
    if (const Item* landing = find("stl_iw"); landing != nullptr) judge_twin(*landing, *find("iwae"), "iwae without score term", rows);
    if (const Item* rebar = find("rebar"); rebar != nullptr) without_score_term(*rebar, rows);
    if (const Item* local = find("pw_local"); local != nullptr && at_.family != "mean_field_gaussian") without_correlations(*local, rows);
    if (const Item* plain = find("pw_cfe"); plain != nullptr && at_.objective == Objective::elbo) self_normalised(*plain, rows);
    return rows;
  }

 private:
  /// On draws that all rows of the case share.
  [[nodiscard]] Subject subject() const { return scene_.subject(at_, row_seed(seed_, at_.name)); }
  [[nodiscard]] SelftestRow row_of(const std::string& estimator) const {
    SelftestRow row;
    row.target = at_.name;
    row.estimator = estimator;
    return row;
  }
  [[nodiscard]] Judged judged(const oracles::EstimatorTruth& truth) const {
    return {at_.lambda, truth.mean, truth.error, at_.family == "mean_field_gaussian"};
  }
  /// nullptr if it does not serve here.
  [[nodiscard]] const Item* find(const std::string& name) const {
    const auto found = std::find_if(items_.begin(), items_.end(), [&](const Item& item) { return item.entry->name == name; });
    return found == items_.end() ? nullptr : &*found;
  }

  /// Moments of the chosen items about their exact means.
  template <class Choice>
  std::vector<BatchMoments> measured(const Subject& subject, Choice&& chosen) const {
    std::vector<Measured> list;
    std::vector<std::vector<double>> centres;
    for (const Item& item : items_) {
      if (!chosen(item)) continue;
      list.push_back({item.estimator.get(), item.state});
      centres.push_back(item.truth.mean);
    }
    return measure(subject, list, centres, replicates_, threads_);
  }

  void add_twin(const BatchMoments& moments, const oracles::EstimatorTruth& truth, const std::string& name,
                std::vector<SelftestRow>& rows) const {
    SelftestRow row = row_of(name);
    row.broken = true;
    row.passed = judge_mean(moments, judged(truth), row);
    rows.push_back(row);
  }
  /// `item` judged as if it were `as`.
  void judge_twin(const Item& item, const Item& as, const std::string& name, std::vector<SelftestRow>& rows) const {
    const auto moments = measure(subject(), {{item.estimator.get(), item.state}}, {as.truth.mean}, replicates_, threads_);
    add_twin(moments[0], as.truth, name, rows);
  }

  /// Every estimator that adds the entropy's gradient, or puts log q into f, left without. The two that only ever use grad log q have no
  /// such term to lose.
  void without_entropy(std::vector<SelftestRow>& rows) const {
    const auto loses = [](const Item& item) { return item.entry->name != "stl" && item.entry->name != "mix_stl_cfe"; };
    Subject at = subject();
    at.call.objective = Objective::expectation;
    const auto moments = measured(at, loses);
    std::size_t next = 0;
    for (const Item& item : items_) {
      if (loses(item)) add_twin(moments[next++], item.truth, item.entry->name + " without entropy", rows);
    }
  }

  /// sf_rb_same taken at its word: as unbiased as sf_rb.
  void same_samples(std::vector<SelftestRow>& rows) const {
    const Item* own = find("sf_rb");
    if (own == nullptr) return;
    Item item;
    item.entry = estimators::find("sf_rb_same");
    item.estimator = item.entry->make();
    judge_twin(item, *own, "sf_rb, a* of the same samples", rows);
  }

  /// The score function's part taken out of an estimator that has a pathwise one too.
  void without_score_term(const Item& whole, std::vector<SelftestRow>& rows) const {
    Item item;
    item.entry = whole.entry;
    item.estimator = std::make_unique<WithoutScoreTerm>(*whole.estimator);
    judge_twin(item, whole, whole.entry->name + " without its score term", rows);
  }

  /// Rows' noise drawn as if q had no correlations.
  void without_correlations(const Item& local, std::vector<SelftestRow>& rows) const {
    const WithoutCorrelations model(*scene_.model);
    Subject at = subject();
    at.model = &model;
    const auto moments = measure(at, {{local.estimator.get(), local.state}}, {local.truth.mean}, replicates_, threads_);
    add_twin(moments[0], local.truth, "pw_local, rows' noise without correlations", rows);
  }

  void self_normalised(const Item& plain, std::vector<SelftestRow>& rows) const {
    double square = 0;
    for (const double g : plain.truth.mean) square += g * g;
    Item item;
    item.entry = plain.entry;
    item.estimator = std::make_unique<SelfNormalised>(*plain.estimator, std::sqrt(square));
    judge_twin(item, plain, "pw_cfe over its own norm", rows);
  }

  const SelftestCase& at_;
  std::uint64_t seed_;
  Scene scene_;
  Index replicates_;
  int threads_;
  std::list<Item> items_;
};

}  // namespace

std::vector<SelftestRow> catalogue_rows(const SelftestCase& at, std::uint64_t seed, Index replicates, int threads) {
  const auto fewer = static_cast<Index>(static_cast<double>(replicates) * at.share);
  Rows all(at, seed, std::max(fewer / kSelftestBatches, Index{10}) * kSelftestBatches, threads);
  std::vector<SelftestRow> rows = all.healthy();
  if (!at.twins) return rows;
  for (SelftestRow& row : all.twins()) rows.push_back(std::move(row));
  return rows;
}

}  // namespace variscope::experiments
