#!/usr/bin/env python3
"""The first N of 50 points y = sin x + 0.1 noise, x uniform on [-3, 3]: ./make_sine.py N > sine_first5.csv"""
import math
import random
import sys

random.seed(13)
points = [(x, math.sin(x) + 0.1 * random.gauss(0, 1)) for x in (random.uniform(-3, 3) for _ in range(50))]
print("x,y")
for x, y in points[: int(sys.argv[1])]:
    print(f"{x:.4f},{y:.4f}")
