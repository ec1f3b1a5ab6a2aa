# Warnings, floating-point rules and CPU flags, carried by one interface target that every target of ours links.
add_library(variscope_options INTERFACE)
target_include_directories(variscope_options INTERFACE
  $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}> $<BUILD_INTERFACE:${PROJECT_BINARY_DIR}/generated> $<INSTALL_INTERFACE:include/variscope>)
target_compile_options(variscope_options INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual
  # Bits are compared between ranks, layouts and code paths: products and sums fuse only where the source says fma.
  -ffp-contract=off
  -fno-math-errno)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # False alarms from inside g++ 12's own AVX-512 headers (its _mm512_undefined_pd).
  target_compile_options(variscope_options INTERFACE -Wno-maybe-uninitialized)
endif()
if(VARISCOPE_WERROR)
  target_compile_options(variscope_options INTERFACE $<BUILD_INTERFACE:-Werror>)
endif()
if(VARISCOPE_NATIVE)
  target_compile_options(variscope_options INTERFACE -march=native)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # Without it g++ vectorises for 256 bits where the CPU has 512.
    target_compile_options(variscope_options INTERFACE -mprefer-vector-width=512)
  endif()
endif()

# What HDF5's and MPI's wrappers name but nothing uses is not loaded when thousands of ranks start.
target_link_options(variscope_options INTERFACE -Wl,--as-needed)

# Globs reconfigure by themselves, so that a new model, estimator or test is a file and no build edit.
function(variscope_sources OUT)
  file(GLOB found CONFIGURE_DEPENDS ${ARGN})
  list(FILTER found EXCLUDE REGEX "_main\\.cpp$")
  set(${OUT} ${found} PARENT_SCOPE)
endfunction()
