"""Whether a published state is the one that was wanted."""

from torch import Tensor

from phonofilm.errors import ModelError


def check_published(state: dict[str, Tensor], expected: dict[str, tuple[int, ...]], part: str, wanted: str) -> None:
    """Raise ModelError, naming the first three, unless keys and shapes are exactly as expected.

    part: what the file holds; wanted: the published one it should be, in words.
    """
    missing = [key for key in expected if key not in state]
    unexpected = [key for key in state if key not in expected]
    odd = [f"{key} {tuple(state[key].shape)}" for key in expected if key in state and state[key].shape != expected[key]]
    for what, keys in (("lacks", missing), ("has unexpected", unexpected), ("has wrongly shaped", odd)):
        if keys:
            more = f" and {len(keys) - 3} more" if len(keys) > 3 else ""
            raise ModelError(
                f"this {part} file {what} {', '.join(keys[:3])}{more}; wanted the {len(expected)} keys of the "
                f"published {wanted}, so fetch it again or name the model it belongs to"
            )
