import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.devices import Device, Plans
from collector.harvest import Harvest, merged
from config.samples import SampleBatch
from protocols.simulator.bank import Bank
from tests.collector.plant import PROFILE, VALUES, connection
from tests.examples import examples


@settings(max_examples=examples(50))
@given(st.lists(st.tuples(st.integers(1, 9), st.sampled_from(["E1", "E2", "E3"])), max_size=30))
def test_each_sample_reaches_its_enterprise_with_its_point_time_and_value(polls: list[tuple[int, str]]) -> None:
    harvest, plans = Harvest(), Plans(PROFILE)
    expected = []
    for order, (number, uscc) in enumerate(polls):
        device = Device(connection(number, "", uscc=uscc), plans)
        bank = Bank(PROFILE)
        for quantity in VALUES:
            bank.show(quantity, number)
        for reading, columns in device.readings:
            block = reading.block
            start = bank.layout.find((block.function, block.address, block.count))
            assert start is not None
            registers = bytes(bank.image(0)[2 * start : 2 * (start + block.count)])
            harvest.take(device, reading, columns, registers, 1000 + order)
        expected += [(uscc, 10 * number + index, 1000 + order, float(number)) for index in range(len(VALUES))]
    found = [
        (uscc, *row)
        for uscc, batch in harvest.drain()
        for row in zip(batch.point.tolist(), batch.time.tolist(), batch.value.round(4).tolist(), strict=True)
    ]
    assert sorted(found) == sorted(expected)
    assert not list(harvest.drain())


def test_an_absent_value_and_an_unwanted_quantity_leave_no_sample() -> None:
    harvest, plans = Harvest(), Plans(PROFILE)
    device = Device(connection(1, ""), plans)
    reading, _ = device.readings[0]
    assert reading.decoder.quantities == ("active_energy_import", "voltage_a", "voltage_b")
    registers = b"\xff\xff\xff\xff" + b"\x08\xfc" + b"\x08\xfc"
    harvest.take(device, reading, np.array([5, -1, 7], np.int32).tobytes(), registers, 1)
    ((_, batch),) = harvest.drain()
    assert batch.point.tolist() == [7]
    assert np.allclose(batch.value, 230.0)


def test_merged_batches_keep_the_last_receipt() -> None:
    one = SampleBatch.from_rows([(1, 10, 1.0)], received=5)
    two = SampleBatch.from_rows([(2, 20, 2.0), (3, 30, 3.0)], received=9)
    both = merged([one, two])
    assert both.point.tolist() == [1, 2, 3]
    assert both.received == 9
