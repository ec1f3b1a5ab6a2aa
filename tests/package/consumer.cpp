/// Uses each installed library once, against figures that are known from elsewhere.
#include <cstdio>

#include "cluster/schedulers/shell.hpp"
#include "engine/models/catalogue.hpp"
#include "engine/store/sha256.hpp"

int main() {
  const auto* entry = variscope::models::find("banana");
  if (entry == nullptr || entry->make(entry->smoke)->dim() != 2) return 1;
  // sha256("abc"), FIPS 180-2.
  if (variscope::store::sha256("abc") != "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad") return 2;
  if (variscope::cluster::quote("it's") != "'it'\\''s'") return 3;
  std::puts("found, linked and run");
  return 0;
}
