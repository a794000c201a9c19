"""What may come from outside, one reader a file.

Each target has `seeds()`, good input to begin from, and `check(data)`, which reads some bytes, says
whether they were taken for good, and raises whatever must not be raised: anything but an
AutomaskError, and an AssertionError where an array is not as promised.
"""
