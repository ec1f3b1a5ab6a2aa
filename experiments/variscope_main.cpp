/// The variscope program.
#include "experiments/command/actions.hpp"

int main(int argc, char** argv) { return variscope::experiments::run_program(argc, argv); }
