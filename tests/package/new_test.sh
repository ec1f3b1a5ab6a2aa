#!/bin/bash
# new_test.sh BUILD SOURCE: an estimator and a sampler that `variscope new` begins join their catalogues and pass the conformance tests, whose
# objects this build has made. Nothing of the source tree is touched.
set -euo pipefail
build=$1 source=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# The compiler and the flags of the catalogue itself, from the build's own list.
flags_of() {
  python3 - "$build" "$1" <<'END'
import json, re, sys
for entry in json.load(open(sys.argv[1] + "/compile_commands.json")):
    if entry["file"].endswith(sys.argv[2]):
        print(re.sub(r" -o \S+ -c \S+$", "", entry["command"]))
        break
END
}
for kind in estimator sampler; do
  folder=engine/${kind}s
  mkdir -p "$work/$folder"
  cp "$source/$folder/catalogue.cpp" "$work/$folder/"
  "$build/variscope" new "$kind" my_first_one --output "$work"
  compiler=$(flags_of "$folder/catalogue.cpp")
  for file in catalogue my_first_one; do
    (cd "$build" && ${compiler%% *} -I "$work" ${compiler#* } -Werror -o "$work/$kind-$file.o" -c "$work/$folder/$file.cpp")
  done
  # The catalogue here is found before that of the library, which is then never looked at.
  (cd "$build" && ${compiler%% *} -fopenmp -o "$work/$kind-tests" "$work/$kind-catalogue.o" "$work/$kind-my_first_one.o" \
    tests/CMakeFiles/engine_tests.dir/conformance/${kind}_*.o engine/libengine.a -lgtest -lgtest_main -lfmt -lnlopt -ldl -lpthread)
  "$work/$kind-tests" --gtest_filter='*my_first_one*' --gtest_brief=1
  "$work/$kind-tests" --gtest_filter='*my_first_one*' --gtest_list_tests | grep -q my_first_one
done
