/// The serial and the dry-run communicator, and the value type that hides all three.
#include "cluster/communicator/communicator.hpp"

#include <cstdlib>
#include <stdexcept>

#include "cluster/communicator/backend.hpp"

namespace variscope::cluster {

namespace {

/// One rank: collectives are the identity.
class Serial : public Communicator::Backend {
 public:
  [[nodiscard]] int rank() const override { return 0; }
  [[nodiscard]] int size() const override { return 1; }
  std::shared_ptr<Backend> split(int) override { return std::make_shared<Serial>(); }
  void start_send(std::span<const double>, int, int) override { throw std::logic_error("a single rank has nobody to send to"); }
  void wait_sends() override {}
  void receive(std::span<double>, int, int) override { throw std::logic_error("a single rank has nobody to receive from"); }
  void broadcast(void*, std::size_t, int) override {}
  void barrier() override {}
  std::vector<std::string> all_gather(const std::string& text) override { return {text}; }
  void sum(std::span<double>) override {}
  double maximum(double value) override { return value; }
  void abort(int status) override { std::_Exit(status); }
};

/// Pretends a size; answers questions about ownership, refuses to talk.
class DryRun final : public Serial {
 public:
  DryRun(int size, int rank) : size_(size), rank_(rank) {}
  [[nodiscard]] int rank() const override { return rank_; }
  [[nodiscard]] int size() const override { return size_; }
  std::shared_ptr<Backend> split(int) override { refuse(); }
  void start_send(std::span<const double>, int, int) override { refuse(); }
  void receive(std::span<double>, int, int) override { refuse(); }
  void broadcast(void*, std::size_t, int) override { refuse(); }
  void barrier() override { refuse(); }
  std::vector<std::string> all_gather(const std::string&) override { refuse(); }
  void sum(std::span<double>) override { refuse(); }
  double maximum(double) override { refuse(); }

 private:
  [[noreturn]] static void refuse() { throw std::logic_error("a dry run cannot communicate"); }
  int size_;
  int rank_;
};

}  // namespace

Communicator Communicator::serial() { return Communicator(std::make_shared<Serial>()); }
Communicator Communicator::world() { return launched_in_parallel() ? Communicator(mpi_world()) : serial(); }
Communicator Communicator::dry_run(int size, int rank) { return Communicator(std::make_shared<DryRun>(size, rank)); }

bool Communicator::launched_in_parallel() {
  // What Open MPI, MPICH's hydra, PMIx (srun --mpi=pmix) and PMI-2 leave in the environment of a rank.
  for (const char* name : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "PMIX_RANK", "PMI_RANK"}) {
    if (std::getenv(name) != nullptr) return true;
  }
  return false;
}

int Communicator::rank() const { return backend_->rank(); }
int Communicator::size() const { return backend_->size(); }

Communicator Communicator::split(int color) const {
  auto part = backend_->split(color);
  part->traffic = backend_->traffic;
  return Communicator(std::move(part));
}

void Communicator::start_send(std::span<const double> data, int destination, int tag) const {
  backend_->start_send(data, destination, tag);
  backend_->traffic->bytes += static_cast<Index>(data.size_bytes());
  ++backend_->traffic->messages;
}
void Communicator::wait_sends() const { backend_->wait_sends(); }
void Communicator::receive(std::span<double> data, int source, int tag) const { backend_->receive(data, source, tag); }

void Communicator::broadcast(std::span<double> data, int root) const { backend_->broadcast(data.data(), data.size_bytes(), root); }
void Communicator::broadcast(std::string& text, int root) const {
  std::uint64_t length = text.size();
  backend_->broadcast(&length, sizeof length, root);
  text.resize(length);
  backend_->broadcast(text.data(), length, root);
}
void Communicator::barrier() const { backend_->barrier(); }
std::vector<std::string> Communicator::all_gather(const std::string& text) const { return backend_->all_gather(text); }
void Communicator::sum_in_any_order(std::span<double> data) const { backend_->sum(data); }
double Communicator::maximum(double value) const { return backend_->maximum(value); }
Index Communicator::bytes_sent() const { return backend_->traffic->bytes; }
Index Communicator::messages_sent() const { return backend_->traffic->messages; }
void Communicator::abort(int status) const {
  backend_->abort(status);
  std::abort();
}

}  // namespace variscope::cluster
