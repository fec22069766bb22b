"""Which voice vectors belong to one person: agglomerative clustering on cosine distance.

Two voices heard at once in one window are two people, whatever their vectors say; and when somebody knows how many
people were there, that number is kept.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.optimize import linear_sum_assignment

from appliance.speakers.model import SpeakerCount

Vectors = npt.NDArray[np.floating]
"""One vector of length one per row, in any precision."""
Seconds = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]

SAME_PERSON = 0.5
"""Average cosine distance between two groups up to which they are one person. On clean speech of 6 + 2 + 2 people any
value from 0.45 to 0.58 finds them; far-field speech is best at 0.5."""
TRUSTED_S = 1.0
"""Speech that a vector must rest on to take part in forming groups; shorter ones are given to the nearest group."""
SMALLEST_GROUP_S = 1.5
"""A group with less speech is no person of its own; windows overlap, so that this is a fourth of it as heard."""
MOST_AT_ONCE = 2_000
"""Vectors clustered at once: about fifty minutes of speech, and 32 MB. More are thinned out block by block first,
because memory grows with the square."""
ROWS_AT_ONCE = 4_096
"""Vectors brought to full precision at once."""
THINNING = 0.25
"""Cosine distance within which vectors of one block become one."""


@dataclass(frozen=True, slots=True)
class VoiceSamples:
    """Voice vectors with where they come from: window (never falling), and seconds of speech."""

    vectors: Vectors
    windows: Labels
    seconds: Seconds


def cluster(samples: VoiceSamples, count: SpeakerCount) -> Labels:
    """One label per vector, from 0 on; vectors of one window get different labels as far as there are labels."""
    if not len(samples.vectors):
        return np.zeros(0, dtype=np.int64)
    trusted = samples.seconds >= TRUSTED_S
    if trusted.sum() < max(2, count.least):
        trusted = np.ones(len(samples.vectors), dtype=bool)
    groups = _groups(samples.vectors[trusted], samples.seconds[trusted], count)
    centres = _centres(samples.vectors[trusted], samples.seconds[trusted], groups)
    return _assign(samples, centres)


def _groups(vectors: Vectors, seconds: Seconds, count: SpeakerCount) -> Labels:
    if len(vectors) == 1:
        return np.zeros(1, dtype=np.int64)
    if len(vectors) > MOST_AT_ONCE:
        return _groups_of_many(vectors, seconds, count)
    tree = linkage(vectors.astype(np.float64), method="average", metric="cosine")
    found = fcluster(tree, SAME_PERSON, criterion="distance")
    groups = _without_small(vectors, seconds, _renumbered(found), least=count.least)
    number = len(np.unique(groups))
    wanted = min(count.bounded(number), len(vectors))
    return groups if wanted == number else _renumbered(fcluster(tree, wanted, criterion="maxclust"))


def _groups_of_many(vectors: Vectors, seconds: Seconds, count: SpeakerCount) -> Labels:
    """Near vectors of each stretch of the recording become one first; then the stretches are clustered together."""
    local = np.zeros(len(vectors), dtype=np.int64)
    offset = 0
    for start in range(0, len(vectors), MOST_AT_ONCE // 2):
        block = slice(start, start + MOST_AT_ONCE // 2)
        if len(vectors[block]) == 1:
            local[block] = offset
        else:
            tree = linkage(vectors[block].astype(np.float64), method="average", metric="cosine")
            local[block] = offset + _renumbered(fcluster(tree, THINNING, criterion="distance"))
        offset = int(local.max()) + 1
    centres = _centres(vectors, seconds, local)
    weights = np.bincount(local, weights=seconds).astype(np.float64)
    if len(centres) > MOST_AT_ONCE:
        heaviest = np.argsort(-weights, kind="stable")[:MOST_AT_ONCE]
        kept = _centres(centres[heaviest], weights[heaviest], _groups(centres[heaviest], weights[heaviest], count))
        nearest: Labels = _similarity(centres, kept).argmax(axis=1)
        return nearest[local]
    groups: Labels = _groups(centres, weights, count)[local]
    return groups


def _without_small(vectors: Vectors, seconds: Seconds, groups: Labels, *, least: int) -> Labels:
    """Groups with too little speech join the nearest larger one, largest of the small first spared if needed."""
    amounts = np.bincount(groups, weights=seconds)
    order = np.argsort(-amounts, kind="stable")
    large = [group for place, group in enumerate(order) if amounts[group] >= SMALLEST_GROUP_S or place < least]
    if len(large) == len(amounts):
        return groups
    centres = _centres(vectors, seconds, groups)
    nearest = _similarity(centres, centres[large]).argmax(axis=1)
    target = np.array([large[nearest[group]] for group in range(len(amounts))])
    target[large] = large
    return _renumbered(target[groups])


def _centres(vectors: Vectors, seconds: Seconds, groups: Labels) -> npt.NDArray[np.float32]:
    centres = np.zeros((int(groups.max()) + 1, vectors.shape[1]), dtype=np.float32)
    for start in range(0, len(vectors), ROWS_AT_ONCE):
        rows = slice(start, start + ROWS_AT_ONCE)
        np.add.at(centres, groups[rows], vectors[rows] * seconds[rows, np.newaxis].astype(np.float32))
    lengths = np.linalg.norm(centres, axis=1, keepdims=True)
    centres /= np.maximum(lengths, 1e-9)
    return centres


def _assign(samples: VoiceSamples, centres: Vectors) -> Labels:
    """Each window's voices to different groups, such that the similarities add up highest."""
    similarity = _similarity(samples.vectors, centres)
    labels = np.zeros(len(similarity), dtype=np.int64)
    for rows in np.split(np.arange(len(labels)), np.flatnonzero(np.diff(samples.windows)) + 1):
        if len(rows) > len(centres):
            labels[rows] = similarity[rows].argmax(axis=1)
            continue
        chosen, columns = linear_sum_assignment(similarity[rows], maximize=True)
        labels[rows[chosen]] = columns
    return labels


def _similarity(vectors: Vectors, centres: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Cosine of every vector with every centre."""
    found = np.empty((len(vectors), len(centres)), dtype=np.float32)
    for start in range(0, len(vectors), ROWS_AT_ONCE):
        rows = slice(start, start + ROWS_AT_ONCE)
        found[rows] = vectors[rows].astype(np.float32) @ centres.T
    return found


def _renumbered(labels: npt.NDArray[np.integer]) -> Labels:
    _, numbers = np.unique(labels, return_inverse=True)
    renumbered: Labels = numbers.astype(np.int64)
    return renumbered
