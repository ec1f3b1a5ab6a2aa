# add_mpi_test(NAME NP 1 2 3 4 THREADS 1 2 [TIMEOUT seconds])
# Runs the test program NAME (a target with its own main) under mpirun once for each number of ranks and threads.
# More ranks than cores are allowed, and root may run them, as containers do. Beyond 2 x 2 a test is labelled exhaustive.
function(add_mpi_test NAME)
  cmake_parse_arguments(PARSE_ARGV 1 ARG "" "TIMEOUT" "NP;THREADS")
  if(NOT ARG_NP)
    set(ARG_NP 1 2 3 4)
  endif()
  if(NOT ARG_THREADS)
    set(ARG_THREADS 1)
  endif()
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 240)
  endif()
  foreach(np IN LISTS ARG_NP)
    foreach(threads IN LISTS ARG_THREADS)
      set(test ${NAME}.np${np}.threads${threads})
      math(EXPR cores "${np} * ${threads}")
      add_test(NAME ${test} COMMAND ${MPIEXEC_EXECUTABLE} ${MPIEXEC_NUMPROC_FLAG} ${np} ${MPIEXEC_PREFLAGS} $<TARGET_FILE:${NAME}>)
      set_tests_properties(${test} PROPERTIES
        PROCESSORS ${cores}
        TIMEOUT ${ARG_TIMEOUT}
        LABELS "mpi"
        ENVIRONMENT "${VARISCOPE_MPI_ENVIRONMENT};OMP_NUM_THREADS=${threads}")
      if(np GREATER 2 OR threads GREATER 2)
        set_tests_properties(${test} PROPERTIES LABELS "mpi;exhaustive")
      endif()
    endforeach()
  endforeach()
endfunction()

# OpenMPI 4's names; other libraries ignore them. Ranks that share a core must yield while they wait, and are not bound to it.
set(VARISCOPE_MPI_ENVIRONMENT
  OMPI_ALLOW_RUN_AS_ROOT=1
  OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
  OMPI_MCA_rmaps_base_oversubscribe=1
  OMPI_MCA_hwloc_base_binding_policy=none
  OMPI_MCA_mpi_yield_when_idle=1
  OMPI_MCA_btl_vader_single_copy_mechanism=none
  OMP_PROC_BIND=false
  OMP_WAIT_POLICY=passive)
