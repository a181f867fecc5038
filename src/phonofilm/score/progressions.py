"""The progressions of the styles, as symbols of `theory`: loops of the statement, of the contrast, the way home."""

from phonofilm.score.harmony import Progressions


def _loops(text: str) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(loop.split()) for loop in text.split("|"))


def _set(main: str, contrast: str, cadence: str, last: str) -> Progressions:
    return Progressions(_loops(main), _loops(contrast), tuple(cadence.split()), last)


PROGRESSIONS: dict[str, Progressions] = {
    "dark": _set("i i bVI V7|i bII i bVI|i iv bVI V7|i bVI iv bII", "iv bVI bII V7|bVI bVII i V7", "iv V7", "i"),
    "horror": _set(
        "i bvi i bII|icluster bIIcluster i bvi|i #ivo7 i bII|i biii bvi bII",
        "bvi iv bII #ivo7|#ivo7 bII iv bvi",
        "bII viio7",
        "icluster",
    ),
    "sad": _set("i bVI bIII bVII|i v bVI iv|i iv bVII bIII|i bVII bVI iv", "bVI iv i V7|iv i bVI V7", "iv V7", "i"),
    "action": _set(
        "i i bVI bVII|i bIII bVII iv|i bVI i bVII|i bII bVI bVII", "bVI bVII i V|iv bVI bVII V7", "bVI bVII", "i"
    ),
    "wonder": _set(
        "Imaj7 II Imaj7 vi7|Iadd9 bVI IVmaj7 Iadd9|I bIII IV bVI|Imaj9 II vi7 IVmaj7",
        "vi7 II iii7 II|IVmaj7 bVI bVII II",
        "bVI bVII",
        "Iadd9",
    ),
    "comedy": _set("I vi ii7 V7|I I IV V7|I VI7 II7 V7|I IV I V7", "IV I II7 V7|vi III7 vi II7", "II7 V7", "I"),
    "romance": _set(
        "Imaj7 iii7 IVmaj7 V7|Iadd9 vi7 ii7 V7|I V vi IVadd9|Imaj7 vi7 IVmaj7 Vsus4",
        "IVmaj7 iv6 iii7 VI7|vi7 ii7 V7 Imaj7|IV V iii7 vi7",
        "ii7 V7",
        "Iadd9",
    ),
    "hopeful": _set(
        "Iadd9 V vi7 IVadd9|I IVadd9 vi7 Vsus4|vi7 IV I V|I iii7 IVadd9 IV", "vi IV I V|ii7 vi7 IV V", "IV V", "I"
    ),
    "epic": _set(
        "i bVI bIII bVII|i bVII bVI bVII|i iv bVI bVII|i bIII bVII iv", "bVI bVII bIII iv|iv i bVI V", "bVI bVII", "I"
    ),
    "epic bright": _set("I bVII IV I|I v bVII IV|I IV bVII IV", "vi IV bVII V|bVI bVII I V", "bVI bVII", "I"),
    "jazz": _set(
        "ii9 V9 Imaj9 vi7|Imaj9 vi9 ii9 V7b9|IVmaj7 iii7 vi9 Imaj7|Imaj7 IVmaj7 iii7 vi7",
        "IVmaj7 iv6 iii7 VI7|vi9 ii9 V9 Imaj9",
        "ii9 V7b9",
        "Imaj9",
    ),
    "jazz minor": _set(
        "i9 iv9 bVImaj7 V7b9|i9 bVImaj7 iv9 bVII7|iv9 bVII9 bIIImaj7 bVImaj7",
        "bVImaj7 v7 iv9 bIIImaj7|iv9 v7 i9 i9",
        "iih7 V7b9",
        "i9",
    ),
    "pop minor": _set(
        "i bVI bIII bVII|i bVII bVI bVII|i i bVI iv|i v bVI bVII", "bVI bVII v i|iv bVI i bVII", "bVI bVII", "i"
    ),
    "classical": _set(
        "I IV V7 I|I vi IV V7|I V vi IV|I ii7 V7 I", "vi ii V7 I|vi iii IV V7|ii V7 I VI7", "ii7 V7", "I"
    ),
    "classical minor": _set(
        "i iv V7 i|i bVI iv V7|i bIII iv V|i V7 i iv", "bIII bVII i V7|bVI bIII iio V7", "iv V7", "i"
    ),
    "still": _set(
        "Iadd9 IVmaj7|Imaj9 vi9|Imaj7 iii7 IVmaj7 vi9|Isus2 IVadd9", "vi9 IVmaj7|ii9 IVmaj7", "IVmaj7", "Iadd9"
    ),
    "still minor": _set(
        "i9 IVadd9|isus2 bVIImaj7 IVadd9 i9|i9 bIIImaj7", "bVIImaj7 IVadd9|v7 IVadd9", "IVadd9", "isus2"
    ),
    "folk": _set("Iadd9 V vi7 IVadd9|I IV I V|I V IV I|I vi7 IVmaj7 V", "vi IV I V|IV I ii7 V", "IV V7", "I"),
    "folk minor": _set(
        "i bVII bVI V|i bVII IV i|i bIII bVII IV|i bVI bIII bVII", "bVI bVII bIII i|iv i bVII V", "iv V7", "i"
    ),
}
