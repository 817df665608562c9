"""Simulated Modbus TCP meters: for tests, benchmarks, the demo and `wanjia simulate`.

bank.py     register images of many meters of a profile, as one numpy array
server.py   a fast server of such images, with fault switches
growing.py  meters whose registers grow, as `wanjia simulate` runs them

Nothing here knows pymodbus: a wrong reading of the protocol must not hide on both ends.
"""
