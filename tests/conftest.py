"""Settings of the whole test run."""

import logging
import os
from collections.abc import Iterator

# The networks of the tests are so small that handing work to a second thread costs more than doing it, and two test
# workers with two threads each wait for one another. By the environment, for it holds in the threads and processes the
# tests begin too, where torch.set_num_threads does not; it must be set before torch is first imported.
os.environ.update({"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive"})

import pytest
import torch
from hypothesis import HealthCheck, settings

torch.set_num_threads(1)

# Hypothesis also measures time; a machine that is busy with something else is not an error of ours.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


@pytest.fixture(autouse=True)
def _as_loud_as_before() -> Iterator[None]:
    """What one test's command line is to say is not what the next test's is."""
    logger = logging.getLogger("phonofilm")
    level = logger.level
    yield
    logger.setLevel(level)


@pytest.fixture(scope="session", autouse=True)
def _away_from_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No certificate is made in the home of whoever runs the tests, and only tests of signing wait for signatures."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("home")))
        patch.setattr("phonofilm.outlet.can_sign", lambda: False)
        yield
