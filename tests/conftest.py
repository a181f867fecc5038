"""Settings of the whole test run."""

import torch

# The networks of the tests are so small that handing work to a second thread costs more than doing it.
torch.set_num_threads(1)
