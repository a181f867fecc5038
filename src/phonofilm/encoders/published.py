"""Whether a published state is the one that was wanted."""

from collections.abc import Iterable, Mapping

from torch import Tensor

from phonofilm.errors import ModelError


def check_published(
    state: Mapping[str, Tensor], wanted: Mapping[str, tuple[int, ...]], unknown: Iterable[str], name: str
) -> None:
    """Raises ModelError when the state is not the published one of that name, naming up to three entries of each kind.

    wanted: entries with their shapes. unknown: entries of the state that should not be there.
    """
    shapes = {key: tuple(state[key].shape) for key in wanted if key in state}
    faults = (
        ("missing", [key for key in wanted if key not in state]),
        ("not known", list(unknown)),
        (
            "of the wrong shape",
            [f"{key} {shape} for {wanted[key]}" for key, shape in shapes.items() if shape != wanted[key]],
        ),
    )
    found = [f"{len(names)} {fault} ({', '.join(names[:3])})" for fault, names in faults if names]
    if found:
        raise ModelError(f"this is not the {name} file that was wanted, entries {'; '.join(found)}; fetch it again")
