/// The MPI communicator: the only file that includes mpi.h.
#include <mpi.h>

#include <algorithm>
#include <cstdlib>
#include <limits>

#include "cluster/communicator/backend.hpp"

namespace variscope::cluster {

namespace {

class Mpi final : public Communicator::Backend {
 public:
  Mpi(MPI_Comm communicator, bool owned) : communicator_(communicator), owned_(owned) {
    MPI_Comm_rank(communicator_, &rank_);
    MPI_Comm_size(communicator_, &size_);
  }
  ~Mpi() override {
    int finalized = 0;
    MPI_Finalized(&finalized);
    if (owned_ && finalized == 0) MPI_Comm_free(&communicator_);
  }
  Mpi(const Mpi&) = delete;
  Mpi& operator=(const Mpi&) = delete;

  [[nodiscard]] int rank() const override { return rank_; }
  [[nodiscard]] int size() const override { return size_; }

  std::shared_ptr<Backend> split(int color) override {
    MPI_Comm part = MPI_COMM_NULL;
    MPI_Comm_split(communicator_, color, rank_, &part);
    return std::make_shared<Mpi>(part, true);
  }

  void start_send(std::span<const double> data, int destination, int tag) override {
    for_pieces(data.size(), [&](std::size_t first, int count) {
      requests_.emplace_back();
      MPI_Isend(data.data() + first, count, MPI_DOUBLE, destination, tag, communicator_, &requests_.back());
    });
  }
  void wait_sends() override {
    MPI_Waitall(static_cast<int>(requests_.size()), requests_.data(), MPI_STATUSES_IGNORE);
    requests_.clear();
  }
  void receive(std::span<double> data, int source, int tag) override {
    for_pieces(data.size(), [&](std::size_t first, int count) {
      MPI_Recv(data.data() + first, count, MPI_DOUBLE, source, tag, communicator_, MPI_STATUS_IGNORE);
    });
  }

  void broadcast(void* data, std::size_t bytes, int root) override {
    for_pieces(bytes,
               [&](std::size_t first, int count) { MPI_Bcast(static_cast<char*>(data) + first, count, MPI_BYTE, root, communicator_); });
  }
  void barrier() override { MPI_Barrier(communicator_); }

  std::vector<std::string> all_gather(const std::string& text) override {
    const int length = static_cast<int>(text.size());
    std::vector<int> lengths(static_cast<std::size_t>(size_));
    MPI_Allgather(&length, 1, MPI_INT, lengths.data(), 1, MPI_INT, communicator_);
    std::vector<int> offsets(lengths.size(), 0);
    for (std::size_t i = 1; i < lengths.size(); ++i) offsets[i] = offsets[i - 1] + lengths[i - 1];
    std::string all(static_cast<std::size_t>(offsets.back() + lengths.back()), '\0');
    MPI_Allgatherv(text.data(), length, MPI_CHAR, all.data(), lengths.data(), offsets.data(), MPI_CHAR, communicator_);
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < lengths.size(); ++i)
      texts.push_back(all.substr(static_cast<std::size_t>(offsets[i]), static_cast<std::size_t>(lengths[i])));
    return texts;
  }

  void sum(std::span<double> data) override {
    for_pieces(data.size(), [&](std::size_t first, int count) {
      MPI_Allreduce(MPI_IN_PLACE, data.data() + first, count, MPI_DOUBLE, MPI_SUM, communicator_);
    });
  }
  double maximum(double value) override {
    double result = 0;
    MPI_Allreduce(&value, &result, 1, MPI_DOUBLE, MPI_MAX, communicator_);
    return result;
  }

  void abort(int status) override {
    MPI_Abort(MPI_COMM_WORLD, status);
    std::_Exit(status);
  }

 private:
  /// Counts are int in MPI 3.1: longer arrays travel in pieces.
  template <class Piece>
  static void for_pieces(std::size_t size, Piece&& piece) {
    constexpr std::size_t kMost = std::numeric_limits<int>::max() / 2;
    for (std::size_t first = 0; first < size; first += kMost) piece(first, static_cast<int>(std::min(kMost, size - first)));
  }

  MPI_Comm communicator_;
  bool owned_;
  int rank_ = 0;
  int size_ = 1;
  std::vector<MPI_Request> requests_;
};

void finalize() {
  int finalized = 0;
  MPI_Finalized(&finalized);
  if (finalized == 0) MPI_Finalize();
}

}  // namespace

std::shared_ptr<Communicator::Backend> mpi_world() {
  int initialized = 0;
  MPI_Initialized(&initialized);
  if (initialized == 0) {
    int provided = 0;
    // Threads compute, the main thread talks.
    MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided);
    std::atexit(finalize);
  }
  static const auto world = std::make_shared<Mpi>(MPI_COMM_WORLD, false);
  return world;
}

}  // namespace variscope::cluster
