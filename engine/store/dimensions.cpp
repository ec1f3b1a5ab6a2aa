/// Dimension scales by HDF5's high-level library, with the attributes netCDF-4 adds to them.
#include "engine/store/dimensions.hpp"

#include <hdf5_hl.h>

#include <utility>

#include "engine/store/values.hpp"

namespace variscope::store {
namespace {

void describe(const Handle& variable, const Meaning& meaning) {
  write_attribute(variable, "long_name", meaning.long_name);
  write_attribute(variable, "units", meaning.units);
}

}  // namespace

void Dimensions::make_scale(const std::string& name, Handle dataset, hsize_t size, const Meaning& meaning) {
  checked(H5DSset_scale(dataset.id(), name.c_str()), "H5DSset_scale", dataset.where());
  const auto id = counter_.next++;
  write_attribute_int32(dataset, "_Netcdf4Dimid", id);
  describe(dataset, meaning);
  scales_.insert_or_assign(name, Scale{std::move(dataset), size, id});
}

void Dimensions::add(const std::string& name, const std::vector<std::string>& coordinate, const Meaning& meaning) {
  make_scale(name, write_texts(group_, name, coordinate), coordinate.size(), meaning);
}

void Dimensions::add(const std::string& name, const std::vector<Index>& coordinate, const Meaning& meaning) {
  make_scale(name, write_integers(group_, name, {coordinate.size()}, coordinate.data()), coordinate.size(), meaning);
}

Extent Dimensions::extent(const std::vector<std::string>& names) const {
  Extent result;
  for (const auto& name : names) result.push_back(scales_.at(name).size);
  return result;
}

void Dimensions::attach(const Handle& variable, const std::vector<std::string>& along, const Meaning& meaning) {
  for (unsigned int axis = 0; axis < along.size(); ++axis) {
    checked(H5DSattach_scale(variable.id(), scales_.at(along[axis]).dataset.id(), axis), "H5DSattach_scale", variable.where());
  }
  write_attribute_int32(variable, "_Netcdf4Dimid", scales_.at(along.front()).id);
  describe(variable, meaning);
}

Handle Dimensions::declare(const std::string& name, const std::vector<std::string>& along, const Meaning& meaning, hid_t type) {
  auto variable = create_dataset(group_, name, type, extent(along));
  attach(variable, along, meaning);
  return variable;
}

void Dimensions::doubles(const std::string& name, const std::vector<std::string>& along, const Meaning& meaning, const double* data) {
  auto variable = write_doubles(group_, name, extent(along), data);
  attach(variable, along, meaning);
  variable.close();
}

void Dimensions::integers(const std::string& name, const std::vector<std::string>& along, const Meaning& meaning, const Index* data) {
  auto variable = write_integers(group_, name, extent(along), data);
  attach(variable, along, meaning);
  variable.close();
}

void Dimensions::texts(const std::string& name, const std::string& along, const Meaning& meaning, const std::vector<std::string>& data) {
  auto variable = write_texts(group_, name, data);
  attach(variable, {along}, meaning);
  variable.close();
}

void Dimensions::close() {
  for (auto& [name, scale] : scales_) scale.dataset.close();
}

}  // namespace variscope::store
