/// What a communicator must be able to do; one implementation each for serial, dry run and MPI.
#pragma once

#include <memory>
#include <stdexcept>
#include <string>

#include "cluster/communicator/communicator.hpp"

namespace variscope::cluster {

/// Point-to-point traffic of a communicator and everything split from it.
struct Traffic {
  Index bytes = 0;
  Index messages = 0;
};

class Communicator::Backend {
 public:
  virtual ~Backend() = default;
  [[nodiscard]] virtual int rank() const = 0;
  [[nodiscard]] virtual int size() const = 0;
  virtual std::shared_ptr<Backend> split(int color) = 0;
  virtual void start_send(std::span<const double> data, int destination, int tag) = 0;
  virtual void wait_sends() = 0;
  virtual void receive(std::span<double> data, int source, int tag) = 0;
  virtual void broadcast(void* data, std::size_t bytes, int root) = 0;
  virtual void barrier() = 0;
  virtual std::vector<std::string> all_gather(const std::string& text) = 0;
  virtual void sum(std::span<double> data) = 0;
  virtual double maximum(double value) = 0;
  [[noreturn]] virtual void abort(int status) = 0;
  std::shared_ptr<Traffic> traffic = std::make_shared<Traffic>();
};

/// The MPI implementation (communicator/mpi.cpp).
std::shared_ptr<Communicator::Backend> mpi_world();

}  // namespace variscope::cluster
