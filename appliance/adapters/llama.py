"""llama.cpp behind ``LanguageModel``: one resident model, bound to a grammar, deterministic, resumable at any prefix.

Two things differ from llama-cpp-python's own completion. Material is tokenised without special tokens, so that a
transcript containing ``<|im_end|>`` cannot end its own turn. And the likeliest token is offered to the grammar alone
first; only a refused one makes the grammar look through the vocabulary, as llama.cpp's own server does.
"""

import ctypes
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import llama_cpp
import numpy as np
import numpy.typing as npt
from llama_cpp.llama_chat_format import Jinja2ChatFormatter
from llama_cpp.llama_grammar import json_schema_to_gbnf

from appliance.adapters.llama_memory import DeviceChoice, choose_device
from appliance.language.errors import AnswerCutShort, ModelUnreadable, PromptTooLong, SchemaNotSupported
from appliance.language.model import Answer, Prompt
from appliance.language.ports import Schema
from appliance.settings import LanguageSettings

_BATCH_TOKENS: Final = 256
"""Read at once: large enough to fill the cores, small enough that a cancelled job stops within a few seconds."""

_SHORTLIST: Final = 64
"""Likeliest tokens shown to the grammar before the whole vocabulary is."""

_CHATML: Final = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "<|im_start|>assistant\n"
)
"""For a GGUF that names no template: the form that most instruct models have seen."""

_Sampler = Any
"""A pointer that only llama.cpp looks into; the binding gives it a name for type checkers alone."""

_SYSTEM, _MATERIAL, _QUESTION = "\u2045SYSTEM\u2046", "\u2045MATERIAL\u2046", "\u2045QUESTION\u2046"

llama_cpp.llama_log_set(_QUIET := llama_cpp.llama_log_callback(lambda level, text, data: None), ctypes.c_void_p(0))


class LlamaLanguageModel:
    """A GGUF model held in memory.

    Args:
        path: the model's file.
        name: what records call it.
        settings: device, threads and context window.

    Raises:
        NotEnoughMemory, DeviceMissing, ModelUnreadable: before or while loading.
    """

    def __init__(self, path: Path, *, name: str, settings: LanguageSettings) -> None:
        self._name = name
        self._lock = threading.Lock()
        self.device: DeviceChoice = choose_device(path, name=name, settings=settings)
        threads = settings.threads or len(os.sched_getaffinity(0))
        try:
            self._llama = llama_cpp.Llama(
                model_path=str(path),
                n_ctx=settings.context_tokens,
                n_batch=_BATCH_TOKENS,
                n_ubatch=_BATCH_TOKENS,
                n_threads=threads,
                n_threads_batch=threads,
                n_gpu_layers=self.device.gpu_layers,
                use_mmap=False,  # llama.cpp repacks the weights for the CPU: mapped as well, they lie in memory twice
                seed=0,
                verbose=False,
            )
        except (ValueError, RuntimeError, OSError) as error:
            raise ModelUnreadable(model=name) from error
        self._vocabulary = llama_cpp.llama_model_get_vocab(self._llama.model)
        self._template = _ChatTemplate(self._llama, self._vocabulary)
        self._scratch = _Candidates(self._llama.n_vocab())

    @property
    def name(self) -> str:
        return self._name

    @property
    def context_tokens(self) -> int:
        return int(self._llama.n_ctx())

    def count_tokens(self, text: str) -> int:
        return len(self._template.plain(text))

    def prompt_tokens(self, prompt: Prompt) -> int:
        return len(self._template.render(prompt))

    def complete_json(
        self,
        prompt: Prompt,
        *,
        schema: Schema,
        max_tokens: int,
        between_tokens: Callable[[], None] = lambda: None,
    ) -> Answer:
        tokens = self._template.render(prompt)
        if len(tokens) + max_tokens > self.context_tokens:
            raise PromptTooLong(needed=len(tokens) + max_tokens, available=self.context_tokens, model=self._name)
        grammar = _grammar_of(json.dumps(schema))
        started = time.perf_counter()
        with self._lock:
            cached = self._read(tokens, between_tokens)
            read = time.perf_counter()
            written = self._write(grammar, max_tokens, between_tokens)
            text = self._llama.detokenize(written).decode("utf-8", errors="replace")
        return Answer(
            value=json.loads(text),
            prompt_tokens=len(tokens),
            cached_tokens=cached,
            completion_tokens=len(written),
            duration_s=time.perf_counter() - started,
            reading_s=read - started,
        )

    def close(self) -> None:
        """Give the memory back."""
        with self._lock:
            self._llama.close()

    def _read(self, tokens: list[int], between_tokens: Callable[[], None]) -> int:
        """Bring the context to exactly ``tokens``; returns how many of them it knew already."""
        llama = self._llama
        known = np.asarray(llama.input_ids[: llama.n_tokens])
        shared = min(len(known), len(tokens) - 1)  # the last token is always read: its logits are the answer's start
        differing = np.flatnonzero(known[:shared] != np.asarray(tokens[:shared]))
        cached = int(differing[0]) if differing.size else shared
        llama.n_tokens = cached
        for start in range(cached, len(tokens), _BATCH_TOKENS):
            between_tokens()
            llama.eval(tokens[start : start + _BATCH_TOKENS])
        return cached

    def _write(self, grammar: str, max_tokens: int, between_tokens: Callable[[], None]) -> list[int]:
        """Take the likeliest token that the grammar allows until the object is closed."""
        llama = self._llama
        written: list[int] = []
        with _grammar_sampler(self._vocabulary, grammar) as sampler:
            while True:
                between_tokens()
                token = self._scratch.likeliest(self._logits(), sampler)
                if llama_cpp.llama_vocab_is_eog(self._vocabulary, token):
                    return written
                if len(written) == max_tokens:
                    raise AnswerCutShort(model=self._name, max_tokens=max_tokens)
                llama_cpp.llama_sampler_accept(sampler, token)
                written.append(token)
                llama.eval([token])

    def _logits(self) -> npt.NDArray[np.single]:
        pointer = llama_cpp.llama_get_logits_ith(self._llama.ctx, -1)
        return np.ctypeslib.as_array(pointer, shape=(self._llama.n_vocab(),))


class _ChatTemplate:
    """The conversation's form, from the GGUF's own template: its marks are special tokens, what people said never
    is."""

    def __init__(self, llama: llama_cpp.Llama, vocabulary: Any) -> None:
        self._llama = llama
        formatter = Jinja2ChatFormatter(
            template=llama.metadata.get("tokenizer.chat_template", _CHATML), eos_token="", bos_token=""
        )
        self._pieces = self._split(formatter)
        begins = llama_cpp.llama_vocab_get_add_bos(vocabulary) and llama.token_bos() >= 0
        self._bos = [llama.token_bos()] if begins else []

    @staticmethod
    def _split(formatter: Jinja2ChatFormatter) -> tuple[str, ...]:
        """The template's own text around the three places; a template without a system role gets it with the user's."""
        user = f"{_MATERIAL}\n\n{_QUESTION}"
        try:
            text = formatter(
                messages=[{"role": "system", "content": _SYSTEM}, {"role": "user", "content": user}]
            ).prompt
        except ValueError:
            text = formatter(messages=[{"role": "user", "content": f"{_SYSTEM}\n\n{user}"}]).prompt
        before, rest = text.split(_SYSTEM)
        between, rest = rest.split(_MATERIAL)
        gap, after = rest.split(_QUESTION)
        return before, between, gap, after

    def plain(self, text: str) -> list[int]:
        """Tokens of ``text`` with every mark in it read as letters."""
        tokens: list[int] = self._llama.tokenize(text.encode(), add_bos=False, special=False)
        return tokens

    def render(self, prompt: Prompt) -> list[int]:
        before, between, gap, after = (
            self._llama.tokenize(piece.encode(), add_bos=False, special=True) for piece in self._pieces
        )
        return [
            *self._bos,
            *before,
            *self.plain(prompt.system),
            *between,
            *self.plain(prompt.material),
            *gap,
            *self.plain(prompt.question),
            *after,
        ]


class _Candidates:
    """Tokens handed to a grammar sampler; allocated once, since a vocabulary is megabytes long."""

    def __init__(self, vocabulary: int) -> None:
        layout = np.dtype([("id", np.intc), ("logit", np.single), ("p", np.single)], align=True)
        self._data = np.zeros(vocabulary, dtype=layout)
        self._every = np.arange(vocabulary, dtype=np.intc)

    def likeliest(self, logits: npt.NDArray[np.single], sampler: _Sampler) -> int:
        """The token with the highest logit that the grammar allows."""
        best = int(np.argmax(logits))
        if self._allowed(np.asarray([best], dtype=np.intc), logits, sampler) is not None:
            return best
        for ids in (np.argpartition(logits, -_SHORTLIST)[-_SHORTLIST:].astype(np.intc), self._every):
            token = self._allowed(ids, logits, sampler)
            if token is not None:
                return token
        raise RuntimeError("the grammar allows no token")

    def _allowed(self, ids: npt.NDArray[np.intc], logits: npt.NDArray[np.single], sampler: _Sampler) -> int | None:
        rows = self._data[: len(ids)]
        rows["id"], rows["logit"], rows["p"] = ids, logits[ids], 0.0
        array = llama_cpp.llama_token_data_array(
            data=rows.ctypes.data_as(llama_cpp.llama_token_data_p), size=len(ids), selected=-1, sorted=False
        )
        llama_cpp.llama_sampler_apply(sampler, ctypes.byref(array))
        best = int(np.argmax(rows["logit"]))
        return int(rows["id"][best]) if np.isfinite(rows["logit"][best]) else None


@contextmanager
def _grammar_sampler(vocabulary: Any, grammar: str) -> Iterator[_Sampler]:
    sampler = llama_cpp.llama_sampler_init_grammar(vocabulary, grammar.encode(), b"root")
    if not sampler:
        raise SchemaNotSupported(reason="llama.cpp refuses the grammar made of it")
    try:
        yield sampler
    finally:
        llama_cpp.llama_sampler_free(sampler)


@lru_cache(maxsize=64)
def _grammar_of(schema: str) -> str:
    try:
        grammar: str = json_schema_to_gbnf(schema)
    except (KeyError, ValueError, NotImplementedError) as error:
        raise SchemaNotSupported(reason=str(error)) from error
    return grammar
