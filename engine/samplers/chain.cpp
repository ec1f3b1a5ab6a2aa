/// Chains as arrays of doubles.
#include "engine/samplers/chain.hpp"

#include <algorithm>
#include <stdexcept>

namespace variscope::samplers {

namespace {

constexpr std::size_t kHead = 4;

}  // namespace

Index packed_size(const Chain& chain) {
  return static_cast<Index>(kHead + chain.position.size() + chain.gradient.size() + chain.state.size());
}

void pack(const Chain& chain, std::span<double> numbers) {
  if (static_cast<Index>(numbers.size()) != packed_size(chain)) throw std::logic_error("pack: wrong size");
  numbers[0] = static_cast<double>(chain.index);
  numbers[1] = static_cast<double>(chain.iteration);
  numbers[2] = static_cast<double>(chain.status);
  numbers[3] = chain.log_density;
  auto to = std::copy(chain.position.begin(), chain.position.end(), numbers.begin() + kHead);
  to = std::copy(chain.gradient.begin(), chain.gradient.end(), to);
  std::copy(chain.state.begin(), chain.state.end(), to);
}

void unpack(std::span<const double> numbers, Chain& chain) {
  if (static_cast<Index>(numbers.size()) != packed_size(chain)) throw std::logic_error("unpack: wrong size");
  chain.index = static_cast<Index>(numbers[0]);
  chain.iteration = static_cast<Index>(numbers[1]);
  chain.status = static_cast<ChainStatus>(static_cast<int>(numbers[2]));
  chain.log_density = numbers[3];
  auto from = numbers.begin() + kHead;
  const auto take = [&](std::vector<double>& into) {
    std::copy_n(from, into.size(), into.begin());
    from += static_cast<std::ptrdiff_t>(into.size());
  };
  take(chain.position);
  take(chain.gradient);
  take(chain.state);
}

}  // namespace variscope::samplers
