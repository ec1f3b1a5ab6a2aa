# generated/build_info.hpp: what this binary was made of. Most of it is known when configuring; the git revision is looked up at every
# build, and the header is rewritten only if something changed, so that nothing is recompiled for nothing.
string(TOUPPER "${CMAKE_BUILD_TYPE}" build_type_upper)
get_target_property(options variscope_options INTERFACE_COMPILE_OPTIONS)
list(JOIN options " " options)
string(STRIP "${CMAKE_CXX_FLAGS} ${CMAKE_CXX_FLAGS_${build_type_upper}} ${options}" VARISCOPE_FLAGS)
set(VARISCOPE_OPENSSL_VERSION "${OPENSSL_VERSION}")
string(STRIP "${MPI_CXX_LIBRARY_VERSION_STRING}" VARISCOPE_MPI_LIBRARY)
# OpenMPI adds its packager and release date behind commas.
string(REGEX REPLACE "[,\n].*" "" VARISCOPE_MPI_LIBRARY "${VARISCOPE_MPI_LIBRARY}")
foreach(field VARISCOPE_FLAGS VARISCOPE_MPI_LIBRARY)
  string(REPLACE "\\" "\\\\" ${field} "${${field}}")
  string(REPLACE "\"" "\\\"" ${field} "${${field}}")
endforeach()

# First pass: all but the revision, which stays as @VARISCOPE_GIT_...@ for the second.
set(VARISCOPE_GIT_REVISION "@VARISCOPE_GIT_REVISION@")
set(VARISCOPE_GIT_DIRTY "@VARISCOPE_GIT_DIRTY@")
configure_file(${CMAKE_CURRENT_LIST_DIR}/build_info.hpp.in ${PROJECT_BINARY_DIR}/build_info.hpp.in @ONLY)

find_package(Git QUIET)
add_custom_target(build_info
  COMMAND ${CMAKE_COMMAND} -DGIT=${GIT_EXECUTABLE} -DSOURCE=${PROJECT_SOURCE_DIR} -DIN=${PROJECT_BINARY_DIR}/build_info.hpp.in
          -DOUT=${PROJECT_BINARY_DIR}/generated/build_info.hpp -P ${CMAKE_CURRENT_LIST_DIR}/git_revision.cmake
  BYPRODUCTS ${PROJECT_BINARY_DIR}/generated/build_info.hpp
  COMMENT "Looking up the git revision"
  VERBATIM)
