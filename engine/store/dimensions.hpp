/// Named dimensions the netCDF-4 way: HDF5 dimension scales that are also coordinate variables, so that xarray opens a group.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "engine/index.hpp"
#include "engine/store/hdf5.hpp"

namespace variscope::store {

/// Numbers dimensions over one whole file, which netCDF-C and h5netcdf expect.
struct DimensionCounter {
  std::int32_t next = 0;
};

/// Description of a variable, as attributes.
struct Meaning {
  std::string long_name;
  std::string units = "1";
};

/// The dimensions of one group, and the variables along them.
class Dimensions {
 public:
  Dimensions(const Handle& group, DimensionCounter& counter) : group_(group), counter_(counter) {}
  Dimensions(const Dimensions&) = delete;
  Dimensions& operator=(const Dimensions&) = delete;

  /// A dimension whose coordinate is names, or integers.
  void add(const std::string& name, const std::vector<std::string>& coordinate, const Meaning& meaning);
  void add(const std::string& name, const std::vector<Index>& coordinate, const Meaning& meaning);

  [[nodiscard]] Extent extent(const std::vector<std::string>& names) const;
  /// Variables along named dimensions. `declare` leaves the values to write_slab; its dataset must be closed by the caller.
  [[nodiscard]] Handle declare(const std::string& name, const std::vector<std::string>& along, const Meaning& meaning,
                               hid_t type = H5T_NATIVE_DOUBLE);
  void doubles(const std::string& name, const std::vector<std::string>& along, const Meaning& meaning, const double* data);
  void integers(const std::string& name, const std::vector<std::string>& along, const Meaning& meaning, const Index* data);
  void texts(const std::string& name, const std::string& along, const Meaning& meaning, const std::vector<std::string>& data);
  /// Closes the scales; throws if that fails.
  void close();

 private:
  struct Scale {
    Handle dataset;
    hsize_t size = 0;
    std::int32_t id = 0;
  };
  void make_scale(const std::string& name, Handle dataset, hsize_t size, const Meaning& meaning);
  void attach(const Handle& variable, const std::vector<std::string>& along, const Meaning& meaning);

  const Handle& group_;
  DimensionCounter& counter_;
  std::map<std::string, Scale> scales_;
};

}  // namespace variscope::store
