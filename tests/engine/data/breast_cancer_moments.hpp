/// Means and standard deviations (1/N) of the breast cancer columns, computed with numpy 1.24.2:
///   a = numpy.loadtxt("experiments/data/breast_cancer.csv", delimiter=",", skiprows=1); a.mean(axis=0); a.std(axis=0)
#pragma once

namespace variscope::data::testing {

struct ReferenceMoments {
  const char* column;
  double mean;
  double sd;
};

inline constexpr ReferenceMoments kBreastCancerMoments[] = {
    {"mean_radius", 14.127291739894563, 3.5209507607110626},
    {"mean_texture", 19.28964850615117, 4.297254637090421},
    {"mean_perimeter", 91.96903339191566, 24.277619293053174},
    {"mean_area", 654.8891036906857, 351.6047540632298},
    {"mean_smoothness", 0.096360281195079, 0.014051764066591201},
    {"mean_compactness", 0.10434098418277686, 0.05276632912535516},
    {"mean_concavity", 0.08879931581722322, 0.07964972534603187},
    {"mean_concave_points", 0.048919145869947236, 0.03876873246147475},
    {"mean_symmetry", 0.181161862917399, 0.02739018086426853},
    {"mean_fractal_dimension", 0.06279760984182778, 0.007054155881537345},
    {"radius_error", 0.4051720562390161, 0.27706894152536543},
    {"texture_error", 1.2168534270650269, 0.551163426903576},
    {"perimeter_error", 2.8660592267135288, 2.020077099145524},
    {"area_error", 40.33707908611603, 45.451013415639935},
    {"smoothness_error", 0.007040978910369071, 0.0029998783671144774},
    {"compactness_error", 0.025478138840070306, 0.01789243586828195},
    {"concavity_error", 0.031893716344463946, 0.030159523121970455},
    {"concave_points_error", 0.011796137082601056, 0.006164860746471698},
    {"symmetry_error", 0.020542298769771532, 0.008259104387588137},
    {"fractal_dimension_error", 0.0037949038664323383, 0.0026437447504047366},
    {"worst_radius", 16.269189806678394, 4.828992576060773},
    {"worst_texture", 25.677223198594014, 6.140854318589003},
    {"worst_perimeter", 107.2612126537786, 33.57300156682592},
    {"worst_area", 880.5831282952545, 568.8564589532672},
    {"worst_smoothness", 0.13236859402460469, 0.02281235693554464},
    {"worst_compactness", 0.25426504393673144, 0.15719817109455367},
    {"worst_concavity", 0.27218848330404205, 0.20844087461170607},
    {"worst_concave_points", 0.11460622319859404, 0.06567455451119318},
    {"worst_symmetry", 0.29007557117750454, 0.06181307854455482},
    {"worst_fractal_dimension", 0.08394581722319855, 0.018045389308594995},
    {"malignant", 0.37258347978910367, 0.48349253394167957},
};

}  // namespace variscope::data::testing
