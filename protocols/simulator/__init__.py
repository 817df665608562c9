"""Simulated Modbus TCP meters: for tests, benchmarks, the demo and `wanjia simulate`.

bank.py     register images of many meters of a profile, as one numpy array
server.py   a fast server of such images, with fault switches
growing.py  meters whose registers grow, as `wanjia simulate` runs them

The demo city (config/city.py):
world.py    what truly flows, as a pure function of the instant
script.py   when what goes wrong
faces.py    what its meters show
compose.py  messages of MQTT meters
demo.py     one demo and its folder: registry, truth, faults
live.py     its Modbus servers and MQTT clients

Nothing here knows pymodbus: a wrong reading of the protocol must not hide on both ends.
"""
