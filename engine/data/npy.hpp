/// NumPy's .npy files: one array of numbers, read block by block as doubles.
#pragma once

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "engine/index.hpp"

namespace variscope::data {

/// What the header says. Source: NumPy enhancement proposal 1 (format 1.0 to 3.0).
struct NpyHeader {
  std::string file;
  Index rows = 0;
  Index columns = 0;     ///< 1 for a one-dimensional array
  char kind = 'f';       ///< f: floating point, i and u: integers, b: boolean
  int bytes = 8;         ///< of one number
  bool fortran = false;  ///< column after column
  Index offset = 0;      ///< of the first number, in bytes
};

/// UserError for what is no .npy file, is cut short, or holds anything but a one- or two-dimensional array of little-endian float32,
/// float64, integers of 8 to 64 bits, or booleans.
NpyHeader read_npy_header(const std::string& file);

/// Rows of an open file. Integers beyond 2^53 are rounded.
class NpyReader {
 public:
  explicit NpyReader(const NpyHeader& header);
  /// Row r of `rows` goes to out[(r - rows.first) * stride], columns of them. Holds rows.size() numbers of a column, or rows, beside `out`.
  /// SystemError if reading fails, UserError if the file has become shorter.
  void read(Range rows, double* out, Index stride);

 private:
  void fetch(Index first, Index count);

  struct Close {
    void operator()(std::FILE* f) const { std::fclose(f); }
  };
  NpyHeader header_;
  std::unique_ptr<std::FILE, Close> file_;
  std::vector<char> raw_;
};

}  // namespace variscope::data
