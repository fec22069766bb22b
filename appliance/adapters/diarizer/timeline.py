"""From overlapping windows back to one time axis."""

import numpy as np
import numpy.typing as npt

from appliance.adapters.diarizer.segmentation import FRAME_STEP, FRAMES, WINDOW_STEP, frame_time
from appliance.speakers.model import Turn

SHORTEST_TURN_S = 0.1


def lay_out(activity: npt.NDArray[np.bool_], people: npt.NDArray[np.int64], *, duration_s: float) -> list[Turn]:
    """Turns by majority of the windows that heard each frame.

    Args:
        activity: (windows, frames, voices), as the segmentation gave it.
        people: (windows, voices), which person each local voice is; -1 for nobody.
        duration_s: where the recording ends.
    """
    frames_per_step = WINDOW_STEP // FRAME_STEP
    total = (len(activity) - 1) * frames_per_step + FRAMES
    number = int(people.max(initial=-1)) + 1
    if number == 0:
        return []
    votes = np.zeros((total, number), dtype=np.float32)
    heard = np.zeros(total, dtype=np.float32)
    for window, voices in enumerate(activity):
        frames = slice(window * frames_per_step, window * frames_per_step + FRAMES)
        heard[frames] += 1
        for voice in range(voices.shape[1]):
            if people[window, voice] >= 0:
                votes[frames, people[window, voice]] += voices[:, voice]
    at_once = np.rint(votes.sum(axis=1) / heard).astype(int)
    return _turns(_loudest(votes, at_once), duration_s)


def _loudest(votes: npt.NDArray[np.float32], at_once: npt.NDArray[np.int_]) -> npt.NDArray[np.bool_]:
    """In each frame, as many people as were heard at once: those with most votes."""
    ranks = np.argsort(np.argsort(-votes, axis=1, kind="stable"), axis=1, kind="stable")
    chosen: npt.NDArray[np.bool_] = (ranks < at_once[:, np.newaxis]) & (votes > 0)
    return chosen


def _turns(active: npt.NDArray[np.bool_], duration_s: float) -> list[Turn]:
    turns = []
    for person in range(active.shape[1]):
        padded = np.concatenate(([False], active[:, person], [False]))
        edges = np.flatnonzero(padded[1:] != padded[:-1])
        for first, after in zip(edges[::2], edges[1::2], strict=True):
            start, end = frame_time(float(first) - 0.5), min(frame_time(float(after) - 0.5), duration_s)
            if end - start >= SHORTEST_TURN_S:
                turns.append(Turn(round(max(0.0, start), 3), round(end, 3), person))
    return turns
