"""
What django-resque costs, measured on a private Redis that is gone afterwards.

    python -m benchmarks.throughput     jobs per second of one worker process, against bare loops
    python -m benchmarks.delayed        how long each call holds Redis while jobs are delayed,
                                        promoted and cancelled, 100,000 in one second

From the root of a checkout whose requirements are installed, as for the tests. Both take
--jobs=N. Figures of two machines are not to be compared, nor those of one machine that has
other things to do; ratios of one run are.
"""
