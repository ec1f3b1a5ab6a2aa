#!/usr/bin/env python3
"""Five points near the line y = 0.5 + 1.5 x, noise of standard deviation 0.8: ./make_line5.py > line5.csv"""
import random

random.seed(5)
print("x,y")
for x in (-2.0, -0.7, 0.4, 1.1, 2.6):
    print(f"{x},{0.5 + 1.5 * x + 0.8 * random.gauss(0, 1):.4f}")
