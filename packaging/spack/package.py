# Spack's recipe: spack repo create mine; copy this file to mine/packages/variscope/package.py; spack repo add mine; spack install variscope
from spack.package import *


class Variscope(CMakePackage):
    """Measures the variance of ELBO-gradient estimators, with the same bits on any number of MPI ranks and threads."""

    # No release is published: the sources are a checkout (spack dev-build variscope@main, from its top).
    version("main")

    variant("native", default=True, description="Compile for this machine's CPU alone")

    depends_on("cxx", type="build")
    depends_on("cmake@3.25:", type="build")
    depends_on("ninja", type="build")
    depends_on("mpi@3.1:")
    depends_on("eigen@3.4:")
    depends_on("hdf5@1.10: +hl ~mpi")
    depends_on("random123")
    depends_on("boost@1.74:")
    depends_on("nlopt")
    depends_on("openssl")
    depends_on("tomlplusplus")
    depends_on("nlohmann-json")
    depends_on("cli11")
    depends_on("fmt@9:")
    depends_on("gnuplot", type="run")

    generator("ninja")
    requires("%gcc@12:", msg="C++20 coroutines and <bit>; other compilers are not tested")

    def cmake_args(self):
        return [
            self.define("VARISCOPE_TESTS", False),
            self.define_from_variant("VARISCOPE_NATIVE", "native"),
        ]
