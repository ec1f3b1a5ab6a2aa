/// The hash sees content and nothing else; errors carry HDF5's reason.
#include "engine/store/content_hash.hpp"

#include <gtest/gtest.h>

#include <numeric>

#include "engine/error.hpp"
#include "engine/store/hdf5.hpp"
#include "engine/store/sha256.hpp"
#include "engine/store/values.hpp"
#include "tests/engine/store/scratch.hpp"

namespace variscope::store {
namespace {

template <class Fill>
std::string hash_of(const Scratch& scratch, Fill fill_group) {
  auto file = create_file(scratch / "hash.h5");
  auto group = create_group(file, "results");
  fill_group(group);
  group.close();
  return content_hash(file, "/results");
}

TEST(Sha256, KnownAnswers) {
  EXPECT_EQ(sha256(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(ContentHash, SeesNamesShapesTypesAndAttributes) {
  const Scratch scratch;
  const std::vector<double> values{1, 2, 3, 4, 5, 6};
  const std::vector<Index> integers{1, 2, 3, 4, 5, 6};
  std::vector<std::string> hashes{
      hash_of(scratch, [&](const Handle&) {}),
      hash_of(scratch, [&](const Handle& group) { write_doubles(group, "a", {6}, values.data()).close(); }),
      hash_of(scratch, [&](const Handle& group) { write_doubles(group, "b", {6}, values.data()).close(); }),
      hash_of(scratch,
              [&](const Handle& group) {
                write_doubles(group, "a", {2, 3}, values.data()).close();
              }),
      hash_of(scratch,
              [&](const Handle& group) {
                write_doubles(group, "a", {3, 2}, values.data()).close();
              }),
      hash_of(scratch, [&](const Handle& group) { write_integers(group, "a", {6}, integers.data()).close(); }),
      hash_of(scratch,
              [&](const Handle& group) {
                write_texts(group, "a", {"xy", "z"}).close();
              }),
      hash_of(scratch,
              [&](const Handle& group) {
                write_texts(group, "a", {"x", "yz"}).close();
              }),
      hash_of(scratch, [&](const Handle& group) { write_attribute(group, "a", "x"); }),
      hash_of(scratch, [&](const Handle& group) { write_attribute(group, "a", Index{1}); }),
      hash_of(scratch, [&](const Handle& group) { write_attribute_int32(group, "a", 1); }),
      hash_of(scratch, [&](const Handle& group) { create_group(group, "a").close(); }),
  };
  std::sort(hashes.begin(), hashes.end());
  EXPECT_EQ(std::adjacent_find(hashes.begin(), hashes.end()), hashes.end());
}

TEST(ContentHash, IgnoresOrderOfCreationLayoutAndSurroundings) {
  const Scratch scratch;
  std::vector<double> values(1000);
  fill(values, 1);
  const auto plain = hash_of(scratch, [&](const Handle& group) {
    write_doubles(group, "a", {10, 100}, values.data()).close();
    write_texts(group, "b", {"x", ""}).close();
    write_attribute(group, "c", Index{1});
    write_attribute(group, "d", "text");
  });
  auto file = create_file(scratch / "other.h5");
  auto group = create_group(file, "results");
  write_doubles(file, "elsewhere", {1000}, values.data()).close();
  write_attribute(group, "d", "text");
  write_attribute(group, "c", Index{1});
  write_texts(group, "b", {"x", ""}).close();
  // Chunked, compressed, big-endian.
  const Handle creation(H5Pcreate(H5P_DATASET_CREATE), Handle::Kind::property_list, "H5Pcreate", "");
  const Extent chunk{3, 7};
  const Extent extent{10, 100};
  ASSERT_GE(H5Pset_chunk(creation.id(), 2, chunk.data()), 0);
  ASSERT_GE(H5Pset_deflate(creation.id(), 1), 0);
  const Handle space(H5Screate_simple(2, extent.data(), nullptr), Handle::Kind::dataspace, "H5Screate_simple", "");
  Handle dataset(H5Dcreate2(group.id(), "a", H5T_IEEE_F64BE, space.id(), H5P_DEFAULT, creation.id(), H5P_DEFAULT), Handle::Kind::dataset,
                 "H5Dcreate2", "");
  write_slab(dataset, H5T_NATIVE_DOUBLE, {0, 0}, extent, values.data());
  dataset.close();
  EXPECT_EQ(content_hash(file, "/results"), plain);
}

TEST(ContentHash, BlocksOfLargeDatasetsAreReadInOrder) {
  const Scratch scratch;
  // More than one block whichever axis is cut; the bytes are the same, so that only the shape in the hash differs.
  constexpr std::size_t size = 1500000;
  std::vector<double> values(size);
  std::iota(values.begin(), values.end(), 0.0);
  for (const Extent& extent : {Extent{size}, Extent{3, size / 3}, Extent{size / 2, 2}, Extent{2, 3, 5, size / 30}}) {
    const auto hash = hash_of(scratch, [&](const Handle& group) { write_doubles(group, "a", extent, values.data()).close(); });
    Sha256 expected;
    expected.add_text("group");
    expected.add_text("");
    expected.add_number(0);
    expected.add_text("dataset");
    expected.add_text("/a");
    expected.add_number(H5T_FLOAT);
    expected.add_number(8);
    expected.add_number(extent.size());
    for (const auto axis : extent) expected.add_number(axis);
    expected.add(values.data(), size * sizeof(double));
    expected.add_number(0);
    expected.add_text("end");
    EXPECT_EQ(hash, expected.hex());
  }
}

TEST(Hdf5, ErrorsNameCallObjectAndReason) {
  const Scratch scratch;
  const auto message_of = [](auto call) -> std::string {
    try {
      call();
    } catch (const SystemError& error) {
      return error.what();
    }
    return "no error";
  };
  const auto missing = message_of([&] { (void)open_file(scratch / "none.h5", Access::read); });
  EXPECT_NE(missing.find("H5Fopen: "), std::string::npos) << missing;
  EXPECT_NE(missing.find("none.h5"), std::string::npos) << missing;
  EXPECT_NE(missing.find("No such file or directory"), std::string::npos) << missing;
  auto file = create_file(scratch / "some.h5");
  const auto dataset = message_of([&] { (void)open_dataset(open_group(file, "/"), "group/values"); });
  EXPECT_NE(dataset.find("H5Dopen2: "), std::string::npos) << dataset;
  EXPECT_NE(dataset.find("some.h5:/group/values"), std::string::npos) << dataset;
  EXPECT_NE(dataset.find("component not found"), std::string::npos) << dataset;
  EXPECT_TRUE(exists(file, "/"));
  EXPECT_FALSE(exists(file, "/a/b/c"));
  create_group(file, "a").close();
  EXPECT_TRUE(exists(file, "/a"));
  EXPECT_FALSE(exists(file, "a/b"));
}

}  // namespace
}  // namespace variscope::store
