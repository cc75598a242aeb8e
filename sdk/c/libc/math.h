/* The part of the C library's <math.h> that a policy without a C library has. */
#ifndef PORTOLAN_MATH_H
#define PORTOLAN_MATH_H

static inline double ceil(double x) { return __builtin_ceil(x); }
static inline double floor(double x) { return __builtin_floor(x); }
static inline double fabs(double x) { return __builtin_fabs(x); }
static inline double sqrt(double x) { return __builtin_sqrt(x); }
/* Natural logarithm of a positive, finite number; of any other it is -infinity (0), NaN (below 0) or the number itself. */
double log(double x);

#endif
