"""Which classes the listener knows, and which of them a recording of the training sounds is an example of.

The thirty named ones exclude each other: agreement is counted among them. The others are wider: a piano is music too,
and a drill is an engine too, so a recording may be an example of one named class and one wide one.
"""

import re

from phonofilm.data.manifest import Recording

TEN = ("dog", "rain", "sea waves", "crying baby", "clock tick", "person sneeze", "helicopter", "chainsaw", "rooster",
       "fire crackling")  # fmt: skip
TWENTY = ("bird", "insect", "roar", "thunder", "laughing", "chewing", "footsteps", "door", "breaking glass", "keyboard",
          "train", "car engine", "drill", "piano", "drum", "pouring water", "gunshot", "explosion", "alarm",
          "ping pong")  # fmt: skip
THIRTY = TEN + TWENTY
OTHERS = ("speech", "music", "impact", "engine", "animal", "water", "ambience", "voice")

RULES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    # (category or "", pattern searched in the label, classes). The first that fits counts; no class: not used.
    ("", r"^dog$|^dog bark$|^puppy bark$", ("dog",)),
    ("", r"^rain and thunder$|^thunderstorm$", ("rain", "thunder")),
    ("nature", r"^rain( heavy| light| medium)?$|^ambient rain$|stereo rain$", ("rain",)),
    ("", r"water lapping", ("sea waves", "water")),
    ("", r"^sea waves$|^waves small$", ("sea waves",)),
    ("", r"^baby cry$", ("crying baby",)),
    ("", r"^clock tick$|^watch tick$|^stopwatch$", ("clock tick",)),
    ("", r"^person sneeze$", ("person sneeze",)),
    ("", r"^helicopter$", ("helicopter",)),
    ("", r"^chainsaw$", ("chainsaw",)),
    ("", r"^rooster$", ("rooster",)),
    ("nature", r"^(fire|fireplace) crackl|^crackling$|^fire (fire|long)$", ("fire crackling",)),
    # What cannot be told from its label, or sounds like one class and is named after another.
    ("", r"^animals?( noises| vocal)?$|^human animals$|white noise|^shower$|sprinkler|^storm water$|^chicken$"
         r"|^background|people talking|^pig impression$|^robot|^fire (smoke|inflame)|^fume|sauna|^machine$|^powertool"
         r"|^thunder drum|^water (hit|pan|can|glass)|^fuse|^fire fuse|^fingers$|^roll$|^plane plane"
         r"|^loop (electric|garzul|weirdo|drone)|^animals mosquito", ()),
    ("", r"^alarm$|siren|\bhorn\b|honking|buzzer", ("alarm",)),
    ("", r"birds (outside|in)", ("bird", "ambience")),
    ("", r"churchbells", ("ambience",)),
    ("", r"keyboard", ("keyboard",)),
    ("", r"^phone\d?$|^(old|modern) phone$|^train whistle$", ()),
    ("", r"piano|^prep piano", ("piano", "music")),
    ("music_instruments", r"\bdrum\b(?! ?kit [c]| kit splash| crash| hihat| ride| splash)|^conga|^tabla|^double kick"
         r"|^kick|tom (hi|lo|mid)|^snare|^loop (amen|breakbeat|perc|tabla)|^timbale", ("drum", "music")),
    ("music_instruments", r"\bbells?\b|chime|gong|celesta", ("music",)),
    ("", r"\bbells?\d?\b|^doorbell|^(ring|ping|ting|pling|tinkle)$|metal ring", ("music",)),
    ("", r"laugh", ("laughing", "voice")),
    ("human_nonspeech", r"chewing|^eating|munch", ("chewing",)),
    ("", r"^apple bite$", ("chewing",)),
    ("", r"crowd|audience|cheer|chatter$|grocery|^cheers", ("voice",)),
    ("human_nonspeech", r"clap|running|whistle|peeing", ()),
    ("", r"footstep|^movement step|^heels|^walking (in dirt|on wood)|^shoes|^(stomp )?up stairs", ("footsteps",)),
    ("", r"thunder|lightning", ("thunder",)),
    ("", r"earthquake", ("ambience",)),
    ("", r"^(rifle|pistol) (small )?fire$|^ar (fire|burst)|^shotgun fire|gun shoot|bullet shot|fake gunfire"
         r"|rifle fire cock", ("gunshot",)),
    ("", r"cricket|cicada|grasshopper|\bbees?\b|^buzz$|mosquito", ("insect", "animal")),
    ("", r"\bbirds?\b|chirp|^crow|\bowl\b|parrot|seagull|pigeon|quail|peacock|duck|quack|goose|turkey|penguin"
         r"|woodpecker|vulture", ("bird",)),
    ("animals", r"roar|snarl|growl|bellow|\bsaw$|^bear$", ("roar", "animal")),
    ("", r"car door|^door (slam|close|shut|openclose)|^(closing|old) door|structures door (close|open)|^door open"
         r"|percussion door|^locker$|^slam$", ("door", "impact")),
    ("", r"break(ing)? ?glass|glass (break|shatter)", ("breaking glass", "impact")),
    ("", r"ping pong", ("ping pong", "impact")),
    ("", r"\btrain\b(?! station)|subway", ("train", "engine")),
    ("", r"^car (engine|motor)|^engine noise$|^driving$|^small car$|^motorbike|motor idle|^truvan$",
     ("car engine", "engine")),
    ("vehicles_machines", r"drill|screwdriver|^dremel", ("drill", "engine")),
    ("", r"pour|water (tap|in sink|jug|in bucket)|^running water", ("pouring water", "water")),
    ("nature", r"^wind|^leaves|tree creak|boat creak", ("ambience",)),
    ("vehicles_machines", r"shopping cart|walking|elevator|^handbrake|stomp|tire squeal|^cart$", ()),
    ("weapons_explosions", r"melee|cock|reload|pump$|dry$|click|hit ground|ricochet|boompack fly", ("impact",)),
    ("impacts_foley", r"\b(blow(er|ing)?|tone|bowed|pump|whirling|air|fan|hum|hiss|reverb|water|tube|winding|windup)\b"
         r"|\b(toy|rewind|electric\w*|wind up|holder long)\b", ()),
)  # fmt: skip
BY_CATEGORY = {"speech": "speech", "music_instruments": "music", "impacts_foley": "impact", "animals": "animal",
               "vehicles_machines": "engine", "weapons_explosions": "explosion", "nature": "water",
               "ambience_crowd": "ambience", "human_nonspeech": "voice"}  # fmt: skip


def classes_of(recording: Recording) -> tuple[str, ...]:
    """The classes that a recording is an example of; none when its label does not tell."""
    for category, pattern, classes in RULES:
        if category in ("", recording.category) and re.search(pattern, recording.label):
            return classes
    return (BY_CATEGORY[recording.category],)
