/// A group of ranks as a value: serial, MPI, or a dry run that only pretends. About six operations, no more.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/index.hpp"

namespace variscope::cluster {

/// Copies share one underlying communicator. Every operation must be called by the main thread.
/// Errors of the message-passing library end the program (MPI_ERRORS_ARE_FATAL): nothing can be agreed upon after one.
class Communicator {
 public:
  class Backend;

  /// One rank, no messages.
  static Communicator serial();
  /// All ranks this process was started with. Initialises the library on first use; finalises at exit.
  static Communicator world();
  /// Pretends to be rank `rank` of `size`: sizes and ownership work, communicating does not (logic_error).
  static Communicator dry_run(int size, int rank = 0);
  /// Whether this process was started by mpirun, srun or the like.
  static bool launched_in_parallel();

  [[nodiscard]] int rank() const;
  [[nodiscard]] int size() const;

  /// Ranks with equal colour, ordered by rank here. Collective.
  [[nodiscard]] Communicator split(int color) const;

  /// Starts sending; the data must live until wait_sends returns.
  void start_send(std::span<const double> data, int destination, int tag) const;
  void wait_sends() const;
  void receive(std::span<double> data, int source, int tag) const;

  void broadcast(std::span<double> data, int root = 0) const;
  void broadcast(std::string& text, int root = 0) const;
  void barrier() const;
  /// Every rank's text, in rank order, on every rank. For start-up checks and error agreement, not for results.
  [[nodiscard]] std::vector<std::string> all_gather(const std::string& text) const;
  /// Sum over ranks in whatever order the library likes: only for `--reduce=fast`, and for counters and timings.
  void sum_in_any_order(std::span<double> data) const;
  [[nodiscard]] double maximum(double value) const;

  /// Payload bytes this rank has sent point to point through this communicator and those split from it.
  [[nodiscard]] Index bytes_sent() const;
  [[nodiscard]] Index messages_sent() const;

  /// Ends all ranks with this exit status, from any rank, at once.
  [[noreturn]] void abort(int status) const;

  explicit Communicator(std::shared_ptr<Backend> backend) : backend_(std::move(backend)) {}

 private:
  std::shared_ptr<Backend> backend_;
};

}  // namespace variscope::cluster
