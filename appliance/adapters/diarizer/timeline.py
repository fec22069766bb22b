"""From overlapping windows back to one time axis, a block at a time."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from appliance.adapters.diarizer.segmentation import FRAME_STEP, FRAMES, WINDOW_STEP, frame_time
from appliance.speakers.model import Turn

SHORTEST_TURN_S = 0.1
STEP = WINDOW_STEP // FRAME_STEP
"""Frames from one window to the next."""
BLOCK = 256 * STEP
"""Frames laid out at once: ten minutes, so that memory does not grow with the recording."""

Activity = npt.NDArray[np.bool_]
People = npt.NDArray[np.int64]


def lay_out(activity: Callable[[int], Activity], people: People, *, duration_s: float) -> list[Turn]:
    """Turns by majority of the windows that heard each frame, person by person in order.

    Args:
        activity: gives who of the local voices spoke in a window, (frames, voices), as the segmentation heard it.
        people: (windows, voices), which person each local voice is; -1 for nobody.
        duration_s: where the recording ends.
    """
    total = (len(people) - 1) * STEP + FRAMES
    number = int(people.max(initial=-1)) + 1
    stretches: list[list[tuple[int, int]]] = [[] for _ in range(number)]
    for first in range(0, total if number else 0, BLOCK):
        active = _active(activity, people, first, min(first + BLOCK, total), number)
        for person, found in enumerate(stretches):
            _extend(found, active[:, person], first)
    turns = (
        _turn(first, after, person, duration_s) for person, found in enumerate(stretches) for first, after in found
    )
    return [turn for turn in turns if turn.end_s - turn.start_s >= SHORTEST_TURN_S]


def _active(activity: Callable[[int], Activity], people: People, first: int, after: int, number: int) -> Activity:
    """Who speaks in each frame from ``first`` to ``after``: (frames, people)."""
    votes = np.zeros((after - first, number), dtype=np.float32)
    heard = np.zeros(after - first, dtype=np.float32)
    for window in range(max(0, -(-(first - FRAMES + 1) // STEP)), min(len(people), -(-after // STEP))):
        begin, end = max(first, window * STEP), min(after, window * STEP + FRAMES)
        frames = slice(begin - first, end - first)
        voices = activity(window)[begin - window * STEP : end - window * STEP]
        heard[frames] += 1
        for voice in range(voices.shape[1]):
            if people[window, voice] >= 0:
                votes[frames, people[window, voice]] += voices[:, voice]
    at_once = np.rint(votes.sum(axis=1) / heard).astype(int)
    return _loudest(votes, at_once)


def _loudest(votes: npt.NDArray[np.float32], at_once: npt.NDArray[np.int_]) -> Activity:
    """In each frame, as many people as were heard at once: those with most votes."""
    ranks = np.argsort(np.argsort(-votes, axis=1, kind="stable"), axis=1, kind="stable")
    chosen: Activity = (ranks < at_once[:, np.newaxis]) & (votes > 0)
    return chosen


def _extend(found: list[tuple[int, int]], active: Activity, first: int) -> None:
    """Add the stretches of one person in a block; one that began in the block before goes on."""
    padded = np.concatenate(([False], active, [False]))
    edges = (np.flatnonzero(padded[1:] != padded[:-1]) + first).tolist()
    for begin, end in zip(edges[::2], edges[1::2], strict=True):
        if found and found[-1][1] == begin:
            found[-1] = (found[-1][0], end)
        else:
            found.append((begin, end))


def _turn(first: int, after: int, person: int, duration_s: float) -> Turn:
    start, end = frame_time(first - 0.5), min(frame_time(after - 0.5), duration_s)
    return Turn(round(max(0.0, start), 3), round(end, 3), person)
