/// Estimators that know the curvature: Taylor control variates, a learned quadratic, Bonnet's and Price's theorems.
#pragma once

#include "engine/estimators/estimator.hpp"

namespace variscope::estimators {

Entry taylor_hessian_entry();
Entry taylor_product_entry();
Entry quadratic_surrogate_entry();
Entry bonnet_price_entry();

}  // namespace variscope::estimators
