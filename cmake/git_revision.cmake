# Second pass over build_info.hpp.in, run at every build: fills in the revision and whether tracked files differ from it.
set(VARISCOPE_GIT_REVISION "unknown")
set(VARISCOPE_GIT_DIRTY "false")
if(GIT AND EXISTS ${SOURCE}/.git)
  # safe.directory: a build by root in another user's checkout, as in a container, must know its revision too.
  execute_process(COMMAND ${GIT} -c safe.directory=* -C ${SOURCE} rev-parse HEAD
    OUTPUT_VARIABLE revision OUTPUT_STRIP_TRAILING_WHITESPACE RESULT_VARIABLE status ERROR_QUIET)
  if(status EQUAL 0)
    set(VARISCOPE_GIT_REVISION "${revision}")
    execute_process(COMMAND ${GIT} -c safe.directory=* --no-optional-locks -C ${SOURCE} status --porcelain --untracked-files=no
      OUTPUT_VARIABLE changes ERROR_QUIET)
    if(changes)
      set(VARISCOPE_GIT_DIRTY "true")
    endif()
  endif()
endif()
configure_file(${IN} ${OUT} @ONLY)
