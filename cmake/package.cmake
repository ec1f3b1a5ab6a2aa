# cmake --install: the program, and a C++ package of the libraries that another project finds with find_package(variscope).
# Compile flags travel with it: objects that share Eigen's types must agree on the vector width.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

install(TARGETS variscope_options engine store cluster EXPORT variscope_targets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
foreach(folder engine cluster)
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/${folder} DESTINATION include/variscope FILES_MATCHING PATTERN "*.hpp" PATTERN "*.h")
endforeach()
install(DIRECTORY ${PROJECT_SOURCE_DIR}/cluster/sites DESTINATION ${CMAKE_INSTALL_DATADIR}/variscope)
set(package_directory ${CMAKE_INSTALL_LIBDIR}/cmake/variscope)
install(EXPORT variscope_targets NAMESPACE variscope:: FILE variscopeTargets.cmake DESTINATION ${package_directory})
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/variscopeConfig.cmake.in ${PROJECT_BINARY_DIR}/variscopeConfig.cmake
  INSTALL_DESTINATION ${package_directory})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/variscopeConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/variscopeConfig.cmake ${PROJECT_BINARY_DIR}/variscopeConfigVersion.cmake
  DESTINATION ${package_directory})
# Within the tree CMAKE_CXX_STANDARD says it.
target_compile_features(variscope_options INTERFACE $<INSTALL_INTERFACE:cxx_std_20>)
